#include "core/monitor/clone_process.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

namespace hoy::core {

pid_t CloneProcess(uint64_t flags, int cgroup_fd, int* pidfd, bool* joined) {
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
    *joined = true;
    auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid >= 0 || (errno != EINVAL && errno != E2BIG && errno != ENOSYS)) return pid;
    arguments.flags &= ~static_cast<uint64_t>(CLONE_INTO_CGROUP);
    arguments.cgroup = 0;
  }
  *joined = false;
  auto pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid >= 0 || errno != ENOSYS) return pid;
  return static_cast<pid_t>(syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, 0, pidfd, 0, 0));
}

}  // namespace hoy::core
