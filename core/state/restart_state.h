#pragma once
// DATA/containers/<id>/restart.json: what is known of a container's restarts between its runs.
//
// Absent: it has not been restarted and nobody stopped it. Written under the container's lock, by
// whoever cleans up after a run, by `stop` and `kill`, and by a start; readers take no lock. It is
// a hint like every record: a restart is pending only while its restarter lives, or, when that was
// killed, until the next command that looks gives it another one.

#include <cstdint>
#include <optional>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"
#include "core/sys/clock.h"
#include "core/sys/process.h"

namespace hoy::core {

struct PendingRestart {
  ProcessIdentity restarter;  // the process that waits out the back-off
  Timestamp due = 0;
};

struct RestartState {
  int64_t count = 0;     // by the policy, since a person last started it
  int64_t delay_ms = 0;  // the back-off before the last of them
  bool stopped = false;  // a person ended it: no policy but `always`, after a reboot, starts it
  std::optional<PendingRestart> pending;
};

// A damaged file counts as an absent one, and one that cannot be read is an error: it may say that
// a person stopped the container.
Result<RestartState> ReadRestartState(const Layout& layout, std::string_view id);
Result<> WriteRestartState(const Layout& layout, std::string_view id, const RestartState& state);
Result<> RemoveRestartState(const Layout& layout, std::string_view id);

// Docker's rules: the first back-off is 100 ms, each further one twice that, at most a minute; 10
// seconds up begin again. Pure. nullopt: it stays down.
std::optional<RestartState> NextRestart(const RestartPolicy& policy, const RestartState& before,
                                        const ExitRecord& exit);
// Whether `hoy system restore` starts it after a reboot: as docker's daemon does when it comes up.
bool IsToBeRestored(const RestartPolicy& policy, const RestartState& state, const ExitRecord& exit);

}  // namespace hoy::core
