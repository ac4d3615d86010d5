#include "core/engine/spawn_monitor.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <span>

#include "core/engine/program_path.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// Above every number in MonitorFd, so that putting descriptors in place overwrites none of them.
constexpr int kFirstFreeFd = 16;

Result<Fd> SealedCopy(const std::string& path) {
  TRY(Fd file, OpenAt(kCwd, path, O_RDONLY));
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return FailErrno("stat", path);
  Fd copy(memfd_create("hoy-monitor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy) return FailErrno("memfd_create", path);
  off_t left = status.st_size;
  while (left > 0) {
    ssize_t count = sendfile(copy.get(), file.get(), nullptr, static_cast<size_t>(left));
    if (count <= 0) return FailErrno("copy", path);
    left -= count;
  }
  if (fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
      0) {
    return FailErrno("seal", path);
  }
  return copy;
}

// What a running monitor was executed from: its detached mount is there already, and closing this
// waits for no grace period. nullopt: that monitor is another file, of an older hoy or in memory.
std::optional<Fd> ProgramOfSibling(pid_t sibling, const std::string& path) {
  Fd program(open(fmt::format("/proc/{}/exe", sibling).c_str(), O_PATH | O_CLOEXEC));
  struct stat running{};
  struct stat installed{};
  struct statvfs mount{};
  bool same = program && fstat(program.get(), &running) == 0 &&
              stat(path.c_str(), &installed) == 0 && running.st_dev == installed.st_dev &&
              running.st_ino == installed.st_ino;
  if (!same || fstatvfs(program.get(), &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0) return {};
  return program;
}

Result<Fd> OpenMonitorProgram(pid_t sibling) {
  TRY(std::string path, LibexecProgram("hoy-monitor"));
  if (sibling != 0) {
    if (auto program = ProgramOfSibling(sibling, path)) return *std::move(program);
  }
  Fd tree(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (tree && mount_setattr(tree.get(), "", AT_EMPTY_PATH, &read_only, sizeof read_only) == 0) {
    return tree;
  }
  return SealedCopy(path);
}

Result<Fd> MoveUp(BorrowedFd fd) {
  Fd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  // EINVAL: the limit is below that number.
  if (!moved) return FailErrno("dup", "descriptor", errno == EINVAL ? EMFILE : errno);
  return moved;
}

struct Placement {
  int from;
  int to;
};

// Runs in a vfork child: it shares our memory, so it only makes system calls.
[[noreturn]] void ExecMonitor(int program, std::span<const Placement> placements, char* const* argv,
                              char* const* envp) {
  for (const auto& [from, to] : placements) {
    if (from < 0) {
      close(to);
    } else if (dup2(from, to) < 0) {
      _exit(127);
    }
  }
  syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
  _exit(127);
}

// Nothing else may live in a frame that calls vfork(2).
[[gnu::noinline]] pid_t VforkMonitor(int program, std::span<const Placement> placements,
                                     char* const* argv, char* const* envp) {
  pid_t pid = vfork();
  if (pid == 0) ExecMonitor(program, placements, argv, envp);
  return pid;
}

}  // namespace

Result<SpawnedMonitor> SpawnMonitor(const SpawnRequest& request) {
  TRY(Fd program_fd, OpenMonitorProgram(request.sibling));
  TRY(Fd program, MoveUp(program_fd));
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return FailErrno("socketpair", "start");
  }
  Fd ours(sockets[0]);
  Fd theirs_low(sockets[1]);
  TRY(Fd theirs, MoveUp(theirs_low));
  theirs_low.reset();
  Fd null;
  TRY(null, OpenAt(kCwd, "/dev/null", O_RDWR));
  Fd plans(memfd_create("hoy-plans", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!plans) return FailErrno("memfd_create", "plans");
  std::array<Fd, 7> moved;
  std::array<Placement, 8> placements = {{{theirs.get(), kStartFd},
                                          {-1, kAttachFd},
                                          {-1, kJoinFd},
                                          {-1, kLockFd},
                                          {-1, kPlansFd},
                                          {-1, STDIN_FILENO},
                                          {-1, STDOUT_FILENO},
                                          {-1, STDERR_FILENO}}};
  const std::array<int, 7> wanted = {request.attach.get(),
                                     request.join.get(),
                                     request.lock.get(),
                                     plans.get(),
                                     request.streams[0] >= 0 ? request.streams[0] : null.get(),
                                     request.streams[1] >= 0 ? request.streams[1] : null.get(),
                                     request.streams[2] >= 0 ? request.streams[2] : null.get()};
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < 0) continue;
    TRY(moved[i], MoveUp(wanted[i]));
    placements[1 + i].from = moved[i].get();
  }
  std::string name = "hoy-monitor";
  std::string label = request.label;
  std::array<char*, 3> argv = {name.data(), label.empty() ? nullptr : label.data(), nullptr};
  std::string fail_point;
  std::array<char*, 2> envp = {nullptr, nullptr};
  if (const char* point = getenv("HOY_FAIL_POINT"); point != nullptr) {
    fail_point = std::string("HOY_FAIL_POINT=") + point;
    envp[0] = fail_point.data();
  }
  pid_t pid = VforkMonitor(program.get(), placements, argv.data(), envp.data());
  if (pid < 0) return FailErrno("fork", "hoy-monitor");
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return SpawnedMonitor{ChildProcess(pid, std::move(pidfd)),
                        StartChannel(std::move(ours), std::move(plans)), std::move(program_fd)};
}

}  // namespace hoy::core
