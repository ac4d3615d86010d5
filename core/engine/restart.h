#pragma once
// Restart policies. No daemon: the process that a container's monitor becomes when it has ended
// (`hoy __cleanup`) decides, waits out the back-off, and starts it again. That is its restarter.
//
//   exit -> CleanUp decides and writes restart.json, naming its restarter -> RestartWhenDue waits
//   -> StartContainer, unless somebody changed restart.json meanwhile
//
// `stop`, `kill`, `rm` and `start` change or remove restart.json under the container's lock, and
// inotify tells the restarter at once. A restarter that was killed shows as a pending restart whose
// restarter is dead; Heal spawns another one, which waits for what is left of the back-off.

#include <sys/types.h>

#include <optional>

#include "core/base/result.h"
#include "core/engine/container_state.h"
#include "core/state/container_record.h"
#include "core/state/restart_state.h"

namespace hoy::core {

// Decides, and writes it down. `spawn`: the restarter is a new process, otherwise this one. False:
// it stays down, or somebody has its restart in hand already. The caller holds the lock and has an
// exit record at hand.
Result<bool> DecideRestart(const Layout& layout, const ContainerSummary& summary,
                           const ExitRecord& exit, bool spawn);
// Gives a pending restart whose restarter was killed a new one. The caller holds the lock.
Result<> SpawnRestarter(const Layout& layout, std::string_view id, RestartState state);

// Before a stop that is to be followed by a start: makes this process the restarter, at once, with
// any policy or none, so that the container comes up again even if this process dies in between.
Result<> TakeRestartInHand(const Layout& layout, std::string_view id);

// What the restarter does. Returns the process of the container when that runs again, an error when
// it could not be started (the exit record says why), nullopt: it is not to be started any more.
Result<std::optional<pid_t>> RestartWhenDue(const Layout& layout, std::string_view id);

// True: a restart that this process keeps is pending still.
bool KeepsRestart(const RestartState& state);

// Notes that a person wants it down, so that no policy starts it, and calls off a pending restart.
// The caller holds the lock.
Result<> NoteStoppedByPerson(const Layout& layout, std::string_view id);

}  // namespace hoy::core
