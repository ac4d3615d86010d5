#include "core/init/interpreter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <initializer_list>

#include "core/cgroup/join.h"
#include "core/init/child_hook.h"
#include "core/init/child_mounts.h"
#include "core/init/container_paths.h"
#include "core/init/reaper.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

constexpr int kFailureExitCode = 125;

int Report(int status_fd, const StartMessage& message, int pass_fd = -1) {
  return SendPacket(status_fd, &message, sizeof message, pass_fd) < 0 ? -1 : 0;
}

// A pty of the container's own devpts instance; its master goes up the status socket.
int OpenTerminal(ChildContext& context, const Step& step) {
  int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return -1;
  int unlock = 0;
  if (ioctl(master, TIOCSPTLCK, &unlock) != 0) return -1;
  int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return -1;
  if (step.value != 0 && step.extra != 0) {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(step.value);
    size.ws_col = static_cast<unsigned short>(step.extra);
    ioctl(slave, TIOCSWINSZ, &size);
  }
  if (fchown(slave, step.uid, static_cast<gid_t>(-1)) != 0) return -1;
  if (step.slot == 0 && ioctl(slave, TIOCSCTTY, 0) != 0) return -1;
  if (Report(context.status_fd, {StartMessageKind::kTerminal, 0, 0, 0}, master) != 0) return -1;
  close(master);
  context.terminal = slave;
  return 0;
}

// This one has made all ready that the new one must find so when the container first sees it, and
// has then done its work. The program's filter is at work: what even a strict one allows must do.
int GoOnAsSibling(const ChildContext& context) {
  HideFromTracers();  // the change of the user may have undone it (proc(5), fs.suid_dumpable)
  // Noted by the kernel: whoever kills this one at any moment leaves no process unknown.
  unsigned long flags = CLONE_PARENT | SIGCHLD;
  if (context.forked != nullptr) flags |= CLONE_PARENT_SETTID;
  auto pid = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, context.forked, nullptr, 0));
  if (pid < 0) return -1;
  if (pid == 0) return 0;
  if (context.forked == nullptr) {
    StartMessage message{StartMessageKind::kForked, 0, pid, 0};
    (void)!write(context.status_fd, &message, sizeof message);  // unheard, it is awaited in vain
  }
  _exit(0);
}

// Somebody who waits for us does his work now. End-of-file: he has given up, or is gone.
int Meet(int arrival, int leave) {
  char byte = 1;
  if (write(arrival, &byte, 1) != 1) return -1;
  ssize_t count = 0;
  while ((count = read(leave, &byte, 1)) < 0 && errno == EINTR) {
  }
  close(arrival);
  close(leave);
  if (count == 1) return 0;
  if (count == 0) errno = ECANCELED;
  return -1;
}

int KeepIn(uint32_t slot, int fd, ChildContext& context) {
  if (fd < 0) return -1;
  if (slot >= kMaxSlots) {
    errno = E2BIG;
    return -1;
  }
  context.slots[slot] = fd;
  return 0;
}

// A symlink may lead to a directory that is not below the container's root.
int EnterWorkingDirectory(const char* path) {
  if (chdir(path) != 0) return -1;
  char reached[PATH_MAX];
  if (syscall(SYS_getcwd, reached, sizeof reached) < 0) return -1;
  if (reached[0] == '/') return 0;
  errno = EXDEV;
  return -1;
}

// The first three of those that came along; the others move up.
int ConnectPassedStreams(PacketFds& passed) {
  constexpr int kStreams = 3;
  if (passed.count < kStreams) {
    errno = EBADF;
    return -1;
  }
  for (int stream = 0; stream < kStreams; ++stream) {
    if (dup2(passed.fds[stream], stream) < 0) return -1;
    close(passed.fds[stream]);
  }
  passed.count -= kStreams;
  for (size_t i = 0; i < passed.count; ++i) passed.fds[i] = passed.fds[i + kStreams];
  return 0;
}

// What the container changes of its /dev/null, its mode for one, is not to be the host's.
int UseOwnNull(int stream) {
  const dev_t null = makedev(1, 3);
  struct stat status{};
  if (fstat(stream, &status) != 0) return errno == EBADF ? 0 : -1;
  if (!S_ISCHR(status.st_mode) || status.st_rdev != null) return 0;
  int own = open("/dev/null", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return -1;
  bool is_null = fstat(own, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == null;
  if (!is_null) errno = ENODEV;
  bool used = is_null && fcntl(own, F_SETFL, 0) == 0 && dup2(own, stream) >= 0;
  int saved = errno;
  close(own);
  errno = saved;
  return used ? 0 : -1;
}

int ConnectStreams(const ChildContext& context, bool passed) {
  if (passed && ConnectPassedStreams(*context.passed) != 0) return -1;
  for (int stream = 0; stream < 3; ++stream) {
    int fd = context.terminal >= 0 ? context.terminal : context.streams[stream];
    if (!passed && fd >= 0 && dup2(fd, stream) < 0) return -1;
    if (UseOwnNull(stream) != 0) return -1;
  }
  return 0;
}

// On 3, 4, ... whatever numbers they have now. What of ours is there goes out of the way first; the
// report about a later step still needs its socket.
int PassDescriptors(ChildContext& context) {
  PacketFds& passed = *context.passed;
  int count = static_cast<int>(passed.count);
  int first_free = 3 + count;
  auto move_up = [&](int& fd) {
    if (fd < 0 || fd >= first_free) return true;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, first_free);
    return fd >= 0;
  };
  if (!move_up(context.status_fd) || !move_up(context.release_fd)) return -1;
  for (int i = 0; i < count; ++i) {
    if (!move_up(passed.fds[i])) return -1;
  }
  for (int i = 0; i < count; ++i) {
    if (dup2(passed.fds[i], 3 + i) < 0) return -1;
    close(passed.fds[i]);
  }
  return 0;
}

int JoinOwnCgroups(const PlanView& plan, const Step& step, const ChildContext& context) {
  constexpr size_t kMost = 32;
  const char* files[kMost];
  size_t count = 0;
  for (uint32_t file : plan.list(step.d)) {
    if (count < kMost) files[count++] = plan.text(file);
  }
  size_t failed = 0;
  errno = JoinCgroupsAsSelf(files, count, &failed);
  if (errno == 0 && step.slot != 0) errno = JoinCgroupAsSelf(context.cgroup_fd);
  return errno == 0 ? 0 : -1;
}

// netdevice(7). The kernel gives "lo" its addresses when it comes up.
int BringLoopbackUp() {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno == EAFNOSUPPORT ? 0 : -1;
  ifreq request{};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  return result;
}

int KeepBounds(uint64_t keep) {
  for (int capability = 0; capability < 64; ++capability) {
    if ((keep >> capability & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL ? 0 : -1;  // EINVAL: past the kernel's last capability
  }
  return 0;
}

int SetCapabilityWords(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int word = 0; word < 2; ++word) {
    data[word].effective = static_cast<uint32_t>(effective >> (32 * word));
    data[word].permitted = static_cast<uint32_t>(permitted >> (32 * word));
    data[word].inheritable = static_cast<uint32_t>(inheritable >> (32 * word));
  }
  return static_cast<int>(syscall(SYS_capset, &header, data));
}

// setuid(2) clears the effective set; it is raised again so that the seccomp step, which needs
// CAP_SYS_ADMIN without no_new_privs, may still follow. kCapabilities has the last word.
int SetUser(const PlanView& plan, const Step& step) {
  auto groups = plan.list(step.d);
  if (syscall(SYS_setgroups, groups.size(), groups.data()) != 0) return -1;
  if (syscall(SYS_setresgid, step.gid, step.gid, step.gid) != 0) return -1;
  if (step.uid == 0) return static_cast<int>(syscall(SYS_setresuid, 0, 0, 0));
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return -1;
  if (syscall(SYS_setresuid, step.uid, step.uid, step.uid) != 0) return -1;
  uint64_t permitted = data[0].permitted | static_cast<uint64_t>(data[1].permitted) << 32;
  return SetCapabilityWords(permitted, permitted, 0);
}

int SetCapabilities(const Step& step) {
  if (SetCapabilityWords(step.value, step.value, step.extra) != 0) return -1;
  for (int capability = 0; capability < 64; ++capability) {
    if ((step.extra2 >> capability & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return -1;
  }
  return 0;
}

int InstallFilter(const PlanView& plan, const Step& step) {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(step.value);
  program.filter = static_cast<sock_filter*>(const_cast<void*>(plan.blob(step.a)));
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

int RunStep(const PlanView& plan, const Step& step, ChildContext& context) {
  const char* a = plan.text(step.a);
  const char* b = plan.text(step.b);
  const char* c = plan.text(step.c);
  switch (step.kind) {
    case StepKind::kAwaitRelease: AwaitWord(context.release_fd); return 0;
    case StepKind::kUnshare: return unshare(static_cast<int>(step.flags));
    case StepKind::kJoinCgroups: return JoinOwnCgroups(plan, step, context);
    case StepKind::kJoinNamespaces:
      if ((step.flags & CLONE_NEWPID) != 0) HideFromTracers();  // before there is a filter
      return setns(context.join_fds[step.slot], static_cast<int>(step.flags));
    case StepKind::kFork: return GoOnAsSibling(context);
    case StepKind::kNewSession: return setsid() < 0 ? -1 : 0;
    case StepKind::kPropagation: return mount(nullptr, a, nullptr, step.flags, nullptr);
    case StepKind::kOpenTree:
      return KeepIn(step.slot, OpenTree(a, b, c, step.flags, step.value != 0), context);
    case StepKind::kOpenJoinedTree:
      context.slots[step.slot] = OpenTreeIn(context.join_fds[step.value], a, step.extra);
      return context.slots[step.slot] < 0 ? -1 : 0;
    case StepKind::kOpenFile:
      return KeepIn(step.slot, open(a, static_cast<int>(step.flags) | O_CLOEXEC), context);
    case StepKind::kMeet: return Meet(context.slots[step.slot], context.slots[step.value]);
    case StepKind::kOverlay: return MountOverlay(plan, step);
    case StepKind::kPivotRoot: return PivotRoot(a);
    case StepKind::kMount:
      return MountFilesystem(a, b, c, plan.text(step.d), step.flags, step.slot != 0);
    case StepKind::kMoveTree:
      return MoveTree(context.slots[step.slot], c, {step.flags, step.extra, step.value});
    case StepKind::kRemount: return mount(nullptr, a, nullptr, step.flags | MS_REMOUNT, nullptr);
    case StepKind::kMask: return MaskPath(a);
    case StepKind::kReadOnlyPath: return MakePathReadOnly(a);
    case StepKind::kMakeDirectories:
      return MakeContainerDirectories(a, static_cast<mode_t>(step.value));
    case StepKind::kCopyAttributes: return CopyAttributes(a, b);
    case StepKind::kMakeNode:
      return MakeContainerNode(a, static_cast<mode_t>(step.value), step.extra, step.uid, step.gid);
    case StepKind::kRemoveFile: return RemoveContainerFile(a);
    case StepKind::kSymlink: return MakeContainerLink(a, b);
    case StepKind::kTouch: return TouchContainerFile(a, static_cast<mode_t>(step.value));
    case StepKind::kWriteFile: return WriteWholeFile(a, b);
    case StepKind::kWriteOpen: return WriteAndClose(context.slots[step.slot], b);
    case StepKind::kLoopbackUp: return BringLoopbackUp();
    case StepKind::kHostname: return sethostname(a, strlen(a));
    case StepKind::kDomainname: return setdomainname(a, strlen(a));
    case StepKind::kTerminal: return OpenTerminal(context, step);
    case StepKind::kControllingTerminal: return ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    case StepKind::kConsole: return BindConsole(context.terminal);
    case StepKind::kStandardStreams: return ConnectStreams(context, step.slot != 0);
    case StepKind::kPassedDescriptors: return PassDescriptors(context);
    case StepKind::kLimit: {
      rlimit64 limit{step.extra, step.extra2};
      return static_cast<int>(syscall(SYS_prlimit64, 0, step.value, &limit, nullptr));
    }
    case StepKind::kUmask: umask(static_cast<mode_t>(step.value)); return 0;
    case StepKind::kWorkingDirectory: return EnterWorkingDirectory(a);
    case StepKind::kCapabilityBounds: return KeepBounds(step.value);
    case StepKind::kUser: return SetUser(plan, step);
    case StepKind::kCapabilities: return SetCapabilities(step);
    case StepKind::kNoNewPrivileges: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case StepKind::kSeccomp: return InstallFilter(plan, step);
    case StepKind::kReaper:
      return BecomeReaper(context.status_fd, static_cast<int>(context.passed->count),
                          context.plans);
    case StepKind::kHook: return RunHookStep(plan, step);
    case StepKind::kExec: return ExecStep(plan, step);
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

// execve(2) wants pointers where the plan has offsets.
int ExecStep(const PlanView& plan, const Step& step) {
  auto arguments = plan.list(step.b);
  auto environment = plan.list(step.c);
  size_t count = arguments.size() + environment.size() + 2;
  void* memory = mmap(nullptr, count * sizeof(char*), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -1;
  char** argv = static_cast<char**>(memory);
  char** envp = argv + arguments.size() + 1;
  for (size_t i = 0; i < arguments.size(); ++i) {
    argv[i] = const_cast<char*>(plan.text(arguments[i]));
  }
  for (size_t i = 0; i < environment.size(); ++i) {
    envp[i] = const_cast<char*>(plan.text(environment[i]));
  }
  return execve(plan.text(step.a), argv, envp);
}

void ResetSignals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= 64; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void HideFromTracers() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    // The filter forbids it.
  }
}

void CloseHostDescriptors(ChildContext& context) {
  auto close_one = [](int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  };
  close_one(context.cgroup_fd);
  for (int& fd : context.join_fds) close_one(fd);
}

uint32_t AwaitWord(int release_fd) {
  uint32_t word = 0;
  ssize_t count = 0;
  do {
    count = read(release_fd, &word, sizeof word);
  } while (count < 0 && errno == EINTR);
  if (count == sizeof word) return word;
  _exit(kFailureExitCode);
}

void GiveUpChild(const ChildContext& context, const StartMessage& message) {
  Report(context.status_fd, message);
  _exit(kFailureExitCode);
}

void RunSteps(const PlanView& plan, ChildContext& context) {
  uint32_t index = 0;
  for (const Step& step : plan.steps()) {
    if (RunStep(plan, step, context) != 0) {
      GiveUpChild(context, {StartMessageKind::kFailed, index, errno,
                            static_cast<uint32_t>(plan.base() - context.plans)});
    }
    ++index;
  }
}

}  // namespace hoy::core
