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

// What proc(5) says in /proc/PID/stat.
struct ProcessStat {
  char state = 0;  // of its first thread
  uint64_t flags = 0;
  uint64_t start_time = 0;
};

// kNotFound: there is no such process.
Result<ProcessStat> ReadStat(pid_t pid) {
  auto read = ReadKernelFile(fmt::format("/proc/{}/stat", pid));
  if (!read) {
    // ESRCH: it ended between open and read.
    bool gone = read.error().system_errno == ESRCH || read.error().system_errno == ENOENT;
    return Fail(gone ? std::move(read).error().WithKind(ErrorKind::kNotFound)
                     : std::move(read).error());
  }
  // The command name, in parentheses, may hold spaces and parentheses itself.
  std::string_view rest = std::string_view(*read).substr(std::min(read->rfind(')'), read->size()));
  ProcessStat stat;
  if (rest.size() > 2) stat.state = rest[2];
  constexpr int kFlags = 9 - 2;  // field 9; the name, which `rest` begins with, is field 2
  constexpr int kStartTime = 22 - 2;
  for (int field = 0; field < kStartTime; ++field) {
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    if (rest.empty()) {
      return Fail(ErrorKind::kCorrupt, "read '/proc/{}/stat': unexpected form", pid);
    }
    rest.remove_prefix(1);
    if (field + 1 == kFlags) {
      stat.flags = ParseInteger<uint64_t>(CutAt(rest, ' ').before).value_or(0);
    }
  }
  stat.start_time = ParseInteger<uint64_t>(CutAt(rest, ' ').before).value_or(0);
  return stat;
}

// All of its threads (pidfd_open(2)). Its state in /proc is that of its first thread alone: a
// zombie when that one has ended before the others.
bool HasEnded(BorrowedFd pidfd) {
  pollfd slot{pidfd.get(), POLLIN, 0};
  return poll(&slot, 1, 0) > 0;
}

}  // namespace

Result<std::string> BootId() {
  thread_local std::string id;  // transfers ask from several threads at once
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
  TRY(ProcessStat stat, ReadStat(pid));
  TRY(std::string boot_id, BootId());
  return ProcessIdentity{pid, stat.start_time, std::move(boot_id)};
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
  auto stat = ReadStat(identity.pid);
  if (!stat) {
    if (stat.error().kind == ErrorKind::kNotFound) return std::nullopt;
    return Fail(std::move(stat).error());
  }
  if (stat->start_time != identity.start_time || HasEnded(pidfd)) return std::nullopt;
  return std::optional<Fd>(std::move(pidfd));
}

Result<bool> IsAlive(const ProcessIdentity& identity) {
  if (identity.pid <= 0) return false;
  TRY(bool of_this_boot, IsOfThisBoot(identity));
  if (!of_this_boot) return false;
  auto stat = ReadStat(identity.pid);
  if (!stat) {
    if (stat.error().kind == ErrorKind::kNotFound) return false;
    return Fail(std::move(stat).error());
  }
  if (stat->start_time != identity.start_time) return false;
  if (stat->state != 'Z' && stat->state != 'X') return true;
  // Its first thread has ended; whether the others have, a pidfd tells.
  TRY(std::optional<Fd> process, OpenProcess(identity));
  return process.has_value();
}

bool IsEnding(BorrowedFd pidfd, pid_t pid) {
  constexpr uint64_t kExiting = 0x4;  // PF_EXITING, include/linux/sched.h
  if (HasEnded(pidfd)) return true;
  auto stat = ReadStat(pid);
  return stat ? (stat->flags & kExiting) != 0 : stat.error().kind == ErrorKind::kNotFound;
}

Result<Fd> OpenProcessFile(const ProcessIdentity& identity, std::string_view file, int flags) {
  auto opened = OpenAt(kCwd, fmt::format("/proc/{}/{}", identity.pid, file), flags);
  // It lives now: then the number was its own when the file was opened.
  TRY(bool alive, IsAlive(identity));
  if (!alive) return Fail(ErrorKind::kNotFound, "process {} has ended", identity.pid);
  return opened;
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
