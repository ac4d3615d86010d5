#pragma once
// The end of a session's cgroup (leaf.h), for hoy-monitor: plain system calls, no allocation.

namespace hoy::core {

// SIGKILL to every process in the leaf, however fast they fork. When the container is paused (v1),
// they die as soon as it goes on.
void KillLeaf(const char* directory);
// False: processes are still in it. A leaf that is gone is success.
bool RemoveLeaf(const char* directory);

// v1: a paused container takes its SIGKILL when it goes on. `state_file` is its freezer.state, or
// null. Best effort: otherwise it ends when somebody unpauses it.
void ThawFreezer(const char* state_file);

}  // namespace hoy::core
