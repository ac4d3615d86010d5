#pragma once
// The state of a container, computed, and the mending of what dead processes left.
//
// Truth is the kernel: a record, a state file or a run directory is a hint. What a crash leaves:
// clang-format off
//   | killed                                  | left behind               | healed to               |
//   |-----------------------------------------|---------------------------|-------------------------|
//   | hoy start, before the monitor           | run directory, cgroup     | as before               |
//   | hoy start, after the clone              | a container nobody asked  | killed by the monitor   |
//   | monitor, before state.json              | its child exits itself    | as before               |
//   | monitor, while the container runs       | FIFOs fill, it blocks     | a new monitor adopts it |
//   | monitor, while the container has exited | run directory, cgroup     | exited, status unknown  |
//   | monitor, after its exit line            | run directory, cgroup     | exited, status known    |
//   | hoy or monitor during clean-up          | part of the same          | clean-up again          |
//   | the same, before its hooks have ended   | config.json in RUN        | they are run (again)    |
//   | the restarter, during a back-off        | restart.json              | a new restarter waits   |
//   | hoy commit, while it holds it still     | freezer, a frozen cgroup  | thawed (freeze.h)       |
//   | hoy network connect, disconnect         | rewiring                  | ports again as recorded |
//   | hoy stop, while it waits                | nothing: its lock is free | running                 |
//   | the machine                             | DATA only                 | exited, status unknown  |
// clang-format on

#include <optional>

#include "core/base/result.h"
#include "core/engine/container_state.h"
#include "core/state/container_record.h"
#include "core/state/restart_state.h"
#include "core/state/run_state.h"

namespace hoy::core {

struct ContainerStatus {
  ContainerState state = ContainerState::kCreated;
  std::optional<RunState> run;            // while there is a run directory
  std::optional<ExitRecord> exit;         // of the last run; with kFailed: why it could not start
  std::optional<PendingRestart> restart;  // with kRestarting, once the back-off has begun
  bool needs_healing = false;

  // Its processes are there.
  bool IsUp() const {
    return core::IsUp(state) || (state == ContainerState::kInitializing && run.has_value());
  }
  bool IsDown() const { return core::IsDown(state); }
};

// Looks, takes no lock, changes nothing, waits for nobody. kNotFound: there is no such container
// (any more).
//
// "Exited for good" is IsDown(). A container whose policy will start it again is kRestarting from
// the moment its exit is published until it runs again, also before its clean-up has said so; there
// is no moment between in which it looks exited. Who follows it waits for OpenChangeFd and then
// looks again.
Result<ContainerStatus> Observe(const Layout& layout, std::string_view id);
// The same for who holds the container's lock: nothing is in progress then.
Result<ContainerStatus> Observe(const Layout& layout, std::string_view id,
                                const ContainerLock& lock);
// For lists: `has_run` is whether it had a directory in Layout::RunContainers() when the list was
// begun, looked up once for all. One that has been started since looks as it did before, or in need
// of healing, which finds out more.
Result<ContainerStatus> ObserveListed(const Layout& layout, std::string_view id, bool has_run);

// A pidfd that becomes readable when the status may have changed by itself: of the monitor of a
// container that runs or has just ended, or of the process that waits out its back-off. nullopt:
// there is none; look again when IsUp() or kRestarting, else nothing will happen until somebody
// does something.
Result<std::optional<Fd>> OpenChangeFd(const ContainerStatus& status);

// Observes and mends; a start or a removal in progress is waited for, a start only until its first
// process is there. kNotFound: it was an
// auto-remove container, and is gone now. `state_file`, when given, becomes the state file of the
// run, if there is one: opened before anybody can have taken it away, it keeps the exit line even
// when a clean-up unlinks it.
Result<ContainerStatus> Heal(const Layout& layout, std::string_view id, Fd* state_file = nullptr);
// Heal, and where its program does not run yet (RunState::ready), waits until it does: before that
// its first process may be in the host's root still, into which nobody must be led. Once more not
// ready: kInitializing, without a run.
Result<ContainerStatus> HealStarted(const Layout& layout, std::string_view id);
// For lists: where somebody holds the lock, what Observe says is good enough.
Result<ContainerStatus> HealUnlessBusy(const Layout& layout, std::string_view id);

enum class CleanUpEnd {
  kDone,
  kRestarts,  // its policy starts it again: see restart.h
};

// After the container's process has ended, by the process that its monitor became: keeps the exit
// record, removes cgroup, run directory, and an auto-remove container altogether. Idempotent; takes
// the lock. kRestarts: the caller is to be its restarter now.
Result<CleanUpEnd> CleanUp(const Layout& layout, std::string_view id);
// For who holds the lock and is about to start it: a run that has ended, but that its monitor has
// not come to clean up after yet, is out of the way when this returns. No policy restarts it.
Result<> FinishRun(const Layout& layout, std::string_view id, const ContainerStatus& status,
                   const ContainerLock& lock);
// The same by the foreground client, for whom the monitor waits. kRestarts: nothing was done, the
// monitor has to do it.
Result<CleanUpEnd> CleanUpForMonitor(const Layout& layout, std::string_view id);

// For a container whose record could not be read or that is removed by force: the cgroup's
// processes are killed, and cgroup and run directory removed. The caller holds the lock.
Result<> DismantleRun(const Layout& layout, std::string_view id, std::string_view cgroup_parent);

}  // namespace hoy::core
