#include "core/sys/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/pidfd_info.h"

namespace hoy::core {
namespace {

Result<uint64_t> ReadStartTime(pid_t pid) {
  auto read = ReadFile(fmt::format("/proc/{}/stat", pid), 4096);
  if (!read) {
    bool gone = read.error().system_errno == ESRCH;  // it ended between open and read
    return Fail(gone ? std::move(read).error().WithKind(ErrorKind::kNotFound)
                     : std::move(read).error());
  }
  const std::string& text = *read;
  // The command name, in parentheses, may hold spaces and parentheses itself.
  size_t name_end = text.rfind(')');
  auto fields = Split(Trim(std::string_view(text).substr(name_end + 1)), ' ');
  constexpr size_t kStartTime = 22 - 3;  // field 22; fields[0] is field 3, the state
  if (name_end == std::string::npos || fields.size() <= kStartTime) {
    return Fail(ErrorKind::kCorrupt, "read '/proc/{}/stat': unexpected form", pid);
  }
  return ParseInteger<uint64_t>(fields[kStartTime]).value_or(0);
}

// All of its threads (pidfd_open(2)). Its state in /proc is that of its first thread alone: a
// zombie when that one has ended before the others.
bool HasEnded(BorrowedFd pidfd) {
  pollfd slot{pidfd.get(), POLLIN, 0};
  return poll(&slot, 1, 0) > 0;
}

}  // namespace

Result<std::string> BootId() {
  static std::string id;
  if (id.empty()) {
    TRY(std::string text, ReadFile("/proc/sys/kernel/random/boot_id", 4096));
    id = Trim(text);
  }
  return id;
}

Result<bool> IsOfThisBoot(const ProcessIdentity& identity) {
  TRY(std::string boot_id, BootId());
  return identity.boot_id == boot_id;
}

Result<ProcessIdentity> IdentityOf(pid_t pid) {
  TRY(uint64_t start_time, ReadStartTime(pid));
  TRY(std::string boot_id, BootId());
  return ProcessIdentity{pid, start_time, std::move(boot_id)};
}

Result<std::optional<Fd>> OpenProcess(const ProcessIdentity& identity) {
  if (identity.pid <= 0) return std::nullopt;
  TRY(bool of_this_boot, IsOfThisBoot(identity));
  if (!of_this_boot) return std::nullopt;
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, identity.pid, 0)));
  if (!pidfd) {
    if (errno == ESRCH || errno == EINVAL) return std::nullopt;
    return FailErrno("pidfd_open", std::to_string(identity.pid));
  }
  // The pidfd pins the process, so a start time read now belongs to it or to nobody.
  auto start_time = ReadStartTime(identity.pid);
  if (!start_time) {
    if (start_time.error().kind == ErrorKind::kNotFound) return std::nullopt;
    return Fail(std::move(start_time).error());
  }
  if (*start_time != identity.start_time || HasEnded(pidfd)) return std::nullopt;
  return std::optional<Fd>(std::move(pidfd));
}

Result<bool> IsAlive(const ProcessIdentity& identity) {
  TRY(std::optional<Fd> process, OpenProcess(identity));
  return process.has_value();
}

Result<> SendSignal(BorrowedFd pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0 || errno == ESRCH) {
    return {};
  }
  return FailErrno("signal", std::to_string(signal));
}

ExitStatus FromWaitStatus(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    int signal = WTERMSIG(wait_status);
    return {128 + signal, signal, WCOREDUMP(wait_status) != 0};
  }
  return {WEXITSTATUS(wait_status), 0, false};
}

Result<std::optional<ExitStatus>> ExitStatusOf(BorrowedFd pidfd) {
  PidfdInfo info{};
  info.mask = kPidfdInfoExit;
  if (ioctl(pidfd.get(), kPidfdGetInfo, &info) != 0) {
    if (errno == ESRCH) return std::nullopt;
    return Fail(SystemError("PIDFD_GET_INFO", "").WithKind(ErrorKind::kUnsupported));
  }
  if ((info.mask & kPidfdInfoExit) == 0) {
    // Older kernels ignore the bit; a living process has no exit status either way.
    return std::nullopt;
  }
  return FromWaitStatus(info.exit_code);
}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<ExitStatus> ChildProcess::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return FailErrno("wait", std::to_string(pid_));
  }
  pid_ = 0;
  return FromWaitStatus(status);
}

}  // namespace hoy::core
