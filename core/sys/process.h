#pragma once
// Processes by identity, not by number: a pid alone may be another process by the time it is used.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

// What distinguishes a process from every other one, also after a reboot.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // clock ticks since boot, /proc/<pid>/stat field 22 (proc(5))
  std::string boot_id;      // /proc/sys/kernel/random/boot_id

  bool operator==(const ProcessIdentity&) const = default;
};

// Of the running kernel; read once.
Result<std::string> BootId();

// Whether it was made since the machine was started.
Result<bool> IsOfThisBoot(const ProcessIdentity& identity);

// kNotFound when there is no such process. A zombie still has an identity.
Result<ProcessIdentity> IdentityOf(pid_t pid);

// A pidfd of exactly that process: open, compare, then use. nullopt: it is gone, a zombie, or the
// number belongs to another process now. An error (no descriptor left, no /proc) says neither.
Result<std::optional<Fd>> OpenProcess(const ProcessIdentity& identity);
Result<bool> IsAlive(const ProcessIdentity& identity);
// Whether it has ended, or has begun to, so that what it has in /proc may be gone. Its pidfd and
// pid.
bool IsEnding(BorrowedFd pidfd, pid_t pid);
// /proc/PID/<file> of exactly that process. kNotFound: it has ended.
Result<Fd> OpenProcessFile(const ProcessIdentity& identity, std::string_view file, int flags);

Result<> SendSignal(BorrowedFd pidfd, int signal);  // a process that is gone is success

// How a process ended, in wait(2)'s terms.
struct ExitStatus {
  int code = 0;    // as given to exit, or 128 + signal
  int signal = 0;  // 0: it exited by itself
  bool core_dumped = false;
};
ExitStatus FromWaitStatus(int wait_status);

// Exit status through a pidfd of a process that is not our child: PIDFD_GET_INFO with
// PIDFD_INFO_EXIT, Linux 6.15. nullopt when it has not been reaped yet; kUnsupported on older
// kernels.
Result<std::optional<ExitStatus>> ExitStatusOf(BorrowedFd pidfd);

// A child that is killed and reaped unless it was waited for or released.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  BorrowedFd pidfd() const { return pidfd_; }
  Result<ExitStatus> Wait();
  void Release() { pid_ = 0; }

 private:
  pid_t pid_ = 0;
  Fd pidfd_;
};

}  // namespace hoy::core
