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

#include "core/base/result.h"
#include "core/engine/container_state.h"
#include "core/state/container_record.h"
#include "core/state/restart_state.h"

namespace hoy::core {

// Decides, and writes it down. `spawn`: the restarter is a new process, otherwise this one. False:
// it stays down. The caller holds the lock and has an exit record at hand.
Result<bool> DecideRestart(const Layout& layout, const ContainerSummary& summary,
                           const ExitRecord& exit, bool spawn);
// Gives a pending restart whose restarter was killed a new one. The caller holds the lock.
Result<> SpawnRestarter(const Layout& layout, std::string_view id, RestartState state);

// What the restarter does. Returns when the container runs again, could not be started (the exit
// record says why), or is not to be started any more.
Result<> RestartWhenDue(const Layout& layout, std::string_view id);

// True: a restart that this process keeps is pending still.
bool KeepsRestart(const RestartState& state);

// Notes that a person wants it down, so that no policy starts it, and calls off a pending restart.
// The caller holds the lock.
Result<> NoteStoppedByPerson(const Layout& layout, std::string_view id);

}  // namespace hoy::core
