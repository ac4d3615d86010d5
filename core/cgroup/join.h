#pragma once
// What the monitor does with cgroups: plain system calls on paths it was given, no allocation, no
// exceptions, usable between fork and exec.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace hoy::core {

// Writes `pid` to each cgroup.procs file. 0, or the errno of the first that failed, whose index is
// put in *failed.
int JoinCgroups(const char* const* procs_files, size_t count, pid_t pid, size_t* failed);

// The `oom_kill` line of v2's memory.events or v1's memory.oom_control (Linux 4.13). 0 when the
// file is not there. `path` may be null or empty.
uint64_t ReadOomKills(const char* path);

}  // namespace hoy::core
