#pragma once
// The exit status of a process that is not our child.

namespace hoy::core {

// Once `pidfd` is readable (the process has exited): its wait status, by PIDFD_GET_INFO with
// PIDFD_INFO_EXIT (Linux 6.15), when its own parent has reaped it. Waits up to a second for that.
// False: an older kernel, or nobody reaps it. No allocation.
bool ReadForeignExit(int pidfd, int* wait_status);

}  // namespace hoy::core
