#pragma once
// Ending containers: kill, stop, wait, rm.

#include <optional>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/run_state.h"

namespace hoy::core {

// Sends a signal to the container's init. kConflict: it does not run.
Result<> KillContainer(const Layout& layout, std::string_view id, int signal);

// Its stop signal, then SIGKILL after the patience (nullopt: the container's own; negative: wait
// for ever). Success when it is not running, also if it was not before.
Result<> StopContainer(const Layout& layout, std::string_view id,
                       std::optional<int64_t> timeout_seconds);

// Waits until it does not run, and tells how its last run ended; a created container has not run:
// exit code 0, as docker has it. `timeout_ms` < 0: for ever; kTimeout when it is over. The
// monitor's clean-up is done when this returns. Works for an auto-remove container to the very end.
Result<ExitRecord> WaitForExit(const Layout& layout, std::string_view id, int64_t timeout_ms = -1);

// kConflict: it runs, and `force` is not given. With force it is killed first, and even a damaged
// record does not stop it.
Result<> RemoveStoppedContainer(const Layout& layout, std::string_view id, bool force);

}  // namespace hoy::core
