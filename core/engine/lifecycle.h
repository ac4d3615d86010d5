#pragma once
// The state of a container, computed, and the mending of what dead processes left.
//
// Truth is the kernel: a record, a state file or a run directory is a hint. What a crash leaves:
// clang-format off
//   | killed                                  | left behind              | healed to               |
//   |-----------------------------------------|--------------------------|-------------------------|
//   | hoy start, before the monitor           | run directory, cgroup    | created, or as before   |
//   | hoy start, after the clone              | a container nobody asked | killed by the monitor   |
//   | monitor, before state.json              | its child exits itself   | created, or as before   |
//   | monitor, while the container runs       | FIFOs fill, it blocks    | a new monitor adopts it |
//   | monitor, while the container has exited | run directory, cgroup    | exited, status unknown  |
//   | monitor, after its exit line            | run directory, cgroup    | exited, status known    |
//   | hoy or monitor during clean-up          | part of the same         | clean-up again          |
//   | hoy commit, while it holds it still     | freezer, a frozen cgroup | thawed (freeze.h)       |
//   | the machine                             | DATA only                | exited, status unknown  |
// clang-format on

#include <optional>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/run_state.h"

namespace hoy::core {

enum class ContainerState { kCreated, kRunning, kExited };
std::string_view ToString(ContainerState state);  // "created", "running", "exited"

struct ContainerStatus {
  ContainerState state = ContainerState::kCreated;
  std::optional<RunState> run;     // while there is a run directory
  std::optional<ExitRecord> exit;  // of the last run; with state kCreated: why it failed to start
  bool needs_healing = false;
};

// Looks, takes no lock, changes nothing. kNotFound: there is no such container (any more).
Result<ContainerStatus> Observe(const Layout& layout, std::string_view id);

// Observes and mends. kNotFound: it was an auto-remove container, and is gone now.
// `state_file`, when given, becomes the state file of the run, if there is one: opened before
// anybody can have taken it away, it keeps the exit line even when a clean-up unlinks it.
Result<ContainerStatus> Heal(const Layout& layout, std::string_view id, Fd* state_file = nullptr);

enum class MonitorDuty {
  kItsOwn,  // a living monitor cleans up by itself
  kOurs,    // it waits for us to do so (the foreground client), or we are what it became
};

// After the container's process has ended: keeps the exit record, removes cgroup, run directory,
// and an auto-remove container altogether. Idempotent; takes the lock.
Result<> CleanUp(const Layout& layout, std::string_view id, MonitorDuty duty);

// For a container whose record could not be read or that is removed by force: the cgroup's
// processes are killed, and cgroup and run directory removed. The caller holds the lock.
Result<> DismantleRun(const Layout& layout, std::string_view id, std::string_view cgroup_parent);

}  // namespace hoy::core
