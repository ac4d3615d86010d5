#pragma once
// PIDFD_GET_INFO as include/uapi/linux/pidfd.h has it in Linux 6.15; Debian 12's headers are older.

#include <sys/ioctl.h>

#include <cstdint>

namespace hoy::core {

struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;  // a wait status
};

constexpr uint64_t kPidfdInfoExit = 1U << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace hoy::core
