// The floor under every container runner: the same kernel work and nothing else, so that what hoy
// adds can be read off.
//
//   floor run WORKDIR LOWERDIR PROGRAM ARG...   namespaces, overlay, proc, pivot_root, exec, wait
//   floor exec PID PROGRAM ARG...               setns into PID's namespaces, fork, exec, wait
//   floor session PID LEAF FILE... -- PROGRAM   the same, with what a session of a container has: a
//                                               cgroup LEAF of its own, those that each FILE joins,
//                                               docker's capabilities and a filter of seccomp's
//   floor nothing                               start and end
//   floor write BYTES                           that many bytes of 100-byte lines to stdout
//
// LOWERDIR as overlay's lowerdir= takes it. The exit code is the program's.

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <climits>
#include <initializer_list>

namespace {

constexpr unsigned long kNamespaces =
    CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP;

[[noreturn]] void Die(const char* step) {
  fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
  _exit(125);
}

int Wait(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) < 0) Die("waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

pid_t Clone(unsigned long flags) {
  clone_args arguments{};
  arguments.flags = flags;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) Die("clone3");
  return static_cast<pid_t>(pid);
}

[[noreturn]] void Exec(char** argv) {
  char path[] = "PATH=/bin:/usr/bin";
  char* environment[] = {path, nullptr};
  execve(argv[0], argv, environment);
  Die("execve");
}

int RunContainer(const char* work, const char* lower, char** argv) {
  char upper[512], scratch[512], root[512], options[8192], leftover[600];
  snprintf(upper, sizeof upper, "%s/upper-%d", work, getpid());
  snprintf(scratch, sizeof scratch, "%s/work-%d", work, getpid());
  snprintf(root, sizeof root, "%s/root-%d", work, getpid());
  for (const char* path : {upper, scratch, root}) {
    if (mkdir(path, 0755) != 0) Die(path);
  }
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, scratch);
  const pid_t pid = Clone(kNamespaces);
  if (pid == 0) {
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) Die("mount /");
    if (mount("overlay", root, "overlay", 0, options) != 0) Die("mount overlay");
    if (chdir(root) != 0) Die("chdir");
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
      Die("mount proc");
    }
    if (syscall(SYS_pivot_root, ".", ".") != 0) Die("pivot_root");
    if (umount2(".", MNT_DETACH) != 0) Die("umount2");
    if (chdir("/") != 0) Die("chdir /");
    Exec(argv);
  }
  const int code = Wait(pid);
  snprintf(leftover, sizeof leftover, "%s/work", scratch);
  for (const char* path : {static_cast<const char*>(leftover), static_cast<const char*>(scratch),
                           static_cast<const char*>(upper), static_cast<const char*>(root)}) {
    if (rmdir(path) != 0 && errno != ENOENT) Die(path);
  }
  return code;
}

int ExecInContainer(pid_t target, char** argv) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, target, 0));
  if (pidfd < 0) Die("pidfd_open");
  if (setns(pidfd, static_cast<int>(kNamespaces)) != 0) Die("setns");
  const pid_t pid = Clone(0);
  if (pid == 0) Exec(argv);
  return Wait(pid);
}

// As long as hoy's own profile, for the kernel translates it. It also tries it out with each system
// call of two architectures (seccomp_cache_prepare, kernel/seccomp.c), and so all calls are allowed
// at once: a walk through the rest would be a millisecond.
void InstallFilter() {
  constexpr int kLength = 256;
  static sock_filter filter[kLength];
  filter[0] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
  filter[1] = BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 100'000U, 1, 0);
  filter[2] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  for (int i = 3; i < kLength - 1; ++i) {
    filter[i] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100'000U + static_cast<unsigned>(i), 0, 0);
  }
  filter[kLength - 1] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  sock_fprog program = {kLength, filter};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) Die("seccomp");
}

void DropCapabilities() {
  constexpr unsigned kDockers = 0xa80425fb;
  for (int capability = 0; capability <= 40; ++capability) {
    if (capability < 32 && (kDockers >> capability & 1) != 0) continue;
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {{kDockers, kDockers, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data) != 0) Die("capset");
}

int ExecSession(pid_t target, char* leaf, char** argv) {
  constexpr int kMost = 32;
  int files[kMost];
  int count = 0;
  char path[PATH_MAX];
  for (; *argv != nullptr && strcmp(*argv, "--") != 0 && count < kMost - 1; ++argv) {
    files[count++] = open(*argv, O_WRONLY | O_CLOEXEC);
  }
  if (mkdir(leaf, 0755) != 0) Die(leaf);
  snprintf(path, sizeof path, "%s/tasks", leaf);
  files[count++] = open(path, O_WRONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "%s", leaf);
  const int above = open(dirname(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, target, 0));
  if (pidfd < 0) Die("pidfd_open");
  if (setns(pidfd, static_cast<int>(kNamespaces)) != 0) Die("setns");
  const pid_t pid = Clone(0);
  if (pid == 0) {
    for (int i = 0; i < count; ++i) {
      if (write(files[i], "0", 1) != 1) Die("join cgroup");
    }
    InstallFilter();
    DropCapabilities();
    Exec(argv + 1);
  }
  const int code = Wait(pid);
  if (unlinkat(above, basename(leaf), AT_REMOVEDIR) != 0) Die(leaf);
  return code;
}

int WriteLines(long long bytes) {
  constexpr int kLine = 100;
  static char buffer[kLine * 640];
  memset(buffer, 'x', sizeof buffer);
  for (size_t end = kLine - 1; end < sizeof buffer; end += kLine) buffer[end] = '\n';
  while (bytes > 0) {
    const size_t want =
        bytes < static_cast<long long>(sizeof buffer) ? static_cast<size_t>(bytes) : sizeof buffer;
    const ssize_t count = write(1, buffer, want);
    if (count < 0) Die("write");
    bytes -= count;
  }
  return 0;
}

// `count` lines at `rate` a second, a hundredth of a second's at once, each with its number.
int WriteLinesAtRate(long count, long rate) {
  const long step = rate / 100;
  timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  static char buffer[1 << 20];
  for (long line = 0; line < count;) {
    size_t used = 0;
    for (long i = 0; i < step && line < count && used + 100 < sizeof buffer; ++i, ++line) {
      used += static_cast<size_t>(
          snprintf(buffer + used, 100, "line %ld of what a busy server says\n", line));
    }
    for (size_t done = 0; done < used;) {
      const ssize_t written = write(1, buffer + done, used - done);
      if (written < 0) Die("write");
      done += static_cast<size_t>(written);
    }
    next.tv_nsec += 10'000'000;
    if (next.tv_nsec >= 1'000'000'000) {
      next.tv_nsec -= 1'000'000'000;
      ++next.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 5 && strcmp(argv[1], "run") == 0) return RunContainer(argv[2], argv[3], argv + 4);
  if (argc >= 4 && strcmp(argv[1], "exec") == 0) return ExecInContainer(atoi(argv[2]), argv + 3);
  if (argc >= 6 && strcmp(argv[1], "session") == 0) {
    return ExecSession(atoi(argv[2]), argv[3], argv + 4);
  }
  if (argc == 2 && strcmp(argv[1], "nothing") == 0) return 0;
  if (argc == 3 && strcmp(argv[1], "write") == 0) return WriteLines(atoll(argv[2]));
  if (argc == 4 && strcmp(argv[1], "lines") == 0) {
    return WriteLinesAtRate(atol(argv[2]), atol(argv[3]));
  }
  fputs(
      "usage: floor run WORKDIR LOWERDIR PROGRAM ARG... | exec PID PROGRAM ARG... |"
      " session PID LEAF FILE... -- PROGRAM ARG... | nothing |"
      " write BYTES | lines COUNT PER-SECOND\n",
      stderr);
  return 125;
}
