#pragma once
// The exit status of a process that is not our child.

#include <sys/types.h>

#include <cstdint>

namespace hoy::core {

// Once `pidfd` is readable (the process has exited): its wait status. As long as its parent has not
// reaped it, /proc/<pid>/stat has it (field 52, proc(5)) for who may trace it; afterwards
// PIDFD_GET_INFO does, with PIDFD_INFO_EXIT (Linux 6.15). False: it is gone, and the kernel is
// older, or it is not for us to know. No allocation.
bool ReadForeignExit(int pidfd, pid_t pid, uint64_t start_time, int* wait_status);

}  // namespace hoy::core
