#pragma once
// What the monitor does with cgroups: plain system calls on paths it was given, no allocation, no
// exceptions, usable between fork and exec.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace hoy::core {

// The fast way in on v1, for the cloned child itself (single-threaded, before it changes its root
// and before unshare(CLONE_NEWCGROUP)): writes "0" to each of CgroupLocation::SelfJoinFiles. Takes
// about 10 us each. 0, or the errno of the first that failed, whose index is put in *failed.
//
// Why not a pid to cgroup.procs: the kernel then stops all forks and exits of the machine, for
// which it waits for an RCU grace period, 5-15 ms on an idle machine. Moving the calling thread
// alone needs no such stop (Linux 5.5; older kernels merely wait as well). On v2
// clone3(CLONE_INTO_CGROUP) costs nothing either, and there is no `tasks`.
int JoinCgroupsAsSelf(const char* const* files, size_t count, size_t* failed);

// The slow way, for any process: writes `pid` to each cgroup.procs file. Same results.
int JoinCgroups(const char* const* procs_files, size_t count, pid_t pid, size_t* failed);

// The same for one cgroup that is held open, by O_PATH. 0 or errno.
int JoinCgroupAsSelf(int directory);  // v1
int JoinCgroupAt(int directory, pid_t pid);

// The `oom_kill` line of v2's memory.events or v1's memory.oom_control (Linux 4.13). 0 when the
// file is not there. `path` may be null or empty.
uint64_t ReadOomKills(const char* path);

}  // namespace hoy::core
