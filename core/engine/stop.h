#pragma once
// Ending containers: kill, stop, restart, rm. Each asks state_rules.h first.

#include <functional>
#include <optional>

#include "core/base/result.h"
#include "core/engine/signal_effect.h"
#include "core/engine/wait.h"
#include "core/state/container_record.h"

namespace hoy::core {

enum class Wish {
  kPersons,
  kNobodys,  // its restart policy decides what becomes of it
};

// Sends a signal to the container's init. kConflict: it does not run. SIGKILL and its stop signal
// say that a person wants it down: no policy restarts it, a pending restart is called off, and a
// paused one is thawed. A person's SIGKILL returns when it is down and can be started. Other
// signals to a paused container wait until it is unpaused.
Result<> KillContainer(const Layout& layout, std::string_view id, int signal,
                       Wish wish = Wish::kPersons);

struct StopRequest {
  std::optional<int64_t> timeout_seconds;  // nullopt: the container's own; negative: for ever
  std::optional<int> signal;               // nullopt: the container's own
  Wish wish = Wish::kPersons;
  // Called before a wait that the signal will not end: then SIGKILL does, after `patience_seconds`
  // (negative: never).
  std::function<void(SignalEffect effect, int signal, int64_t patience_seconds)> deaf;
};

// Its stop signal, then SIGKILL after the patience. Success when it is not running, also if it was
// not before. No policy restarts it, if it is a person's wish.
Result<> StopContainer(const Layout& layout, std::string_view id, const StopRequest& request);

// For `hoy restart`: while this is held, the end of an auto-remove container does not remove it,
// and who follows its log waits. One that is left behind by a killed `hoy restart` is an exited
// container like others.
Fd KeepThroughRestart(const Layout& layout, std::string_view id);

// kConflict: its state forbids it, and `force` is not given. With force it is killed first, and
// even a damaged record does not stop it.
enum class WithVolumes {
  kAsItEnds,   // the anonymous ones of a container that was to be removed at its end (--rm)
  kAnonymous,  // the anonymous ones of any
};
Result<> RemoveStoppedContainer(const Layout& layout, std::string_view id, bool force,
                                WithVolumes volumes = WithVolumes::kAsItEnds);

}  // namespace hoy::core
