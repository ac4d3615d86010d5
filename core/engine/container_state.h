#pragma once
// The states of a container. None is ever stored: Observe (lifecycle.h) computes them from what the
// kernel and the files say at the moment of asking.
//
//   | state        | because                                                                    |
//   |--------------|----------------------------------------------------------------------------|
//   | created      | there is no trace of a run                                                 |
//   | initializing | a run directory without a process, and somebody holds the container's lock; |
//   |              | or its init lives, and its program does not run yet (RunState::ready)      |
//   | running      | its init lives, or its monitor does and is about to publish the exit       |
//   | paused       | the same, and the kernel has frozen its cgroup                             |
//   | stopping     | the same, and a living `hoy stop` waits for its end                        |
//   | restarting   | it has ended, and its restart policy starts it again                       |
//   | exited       | it has ended; ContainerStatus::exit says how                               |
//   | failed       | its last start failed; ContainerStatus::exit says why                      |
//   | removing     | its directory is being deleted                                             |

#include <string_view>

namespace hoy::core {

enum class ContainerState {
  kCreated,
  kInitializing,
  kRunning,
  kPaused,
  kStopping,
  kRestarting,
  kExited,
  kFailed,
  kRemoving,
};
inline constexpr int kContainerStates = 9;

// Docker's words, and three of ours: "initializing", "stopping", "failed".
std::string_view ToString(ContainerState state);

// Its program runs.
constexpr bool IsUp(ContainerState state) {
  return state == ContainerState::kRunning || state == ContainerState::kPaused ||
         state == ContainerState::kStopping;
}
// Nothing runs, and nothing will until somebody asks for it.
constexpr bool IsDown(ContainerState state) {
  return state == ContainerState::kCreated || state == ContainerState::kExited ||
         state == ContainerState::kFailed;
}

}  // namespace hoy::core
