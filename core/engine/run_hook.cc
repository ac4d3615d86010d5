#include "core/engine/run_hook.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <vector>

#include "core/base/text.h"
#include "core/engine/wait.h"
#include "core/init/interpreter.h"
#include "core/monitor/shield.h"
#include "core/state/config_names.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

constexpr unsigned kAtRecursive = 0x8000;  // AT_RECURSIVE, <linux/fcntl.h>
constexpr size_t kMostOutput = 2000;
constexpr int kNotRun = 127;

std::string_view NameOf(HookPoint point) {
  for (const auto& [value, name] : NamesOf(point)) {
    if (value == point) return name;
  }
  return "unknown";
}

// A copy of what the container has mounted. setns(2) brings us back to the root of our mount
// namespace, which need not be the one that we had (chroot(2)).
int CopyRootOf(int init) {
  int host = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (host < 0 || root < 0 || setns(init, CLONE_NEWNS) != 0) return -1;
  auto tree = static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | kAtRecursive));
  if (setns(host, CLONE_NEWNS) != 0 || fchdir(root) != 0 || chroot(".") != 0) return -1;
  return tree;
}

// The child's way to where the hook is to be. 0, or an errno. Of the copy of our mounts nothing
// comes back to us (mount_namespaces(7)); what is unmounted here is unmounted there, too, and so
// not kept busy by whatever the hook leaves running.
int EnterContainer(int init, const char* mount_point) {
  int tree = CopyRootOf(init);
  if (tree < 0 || unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
      move_mount(tree, "", AT_FDCWD, mount_point, MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
      mount(nullptr, mount_point, nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return errno;
  }
  return setns(init, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0 ? errno : 0;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<Fd> MakeFile(const char* name, const std::string& text) {
  Fd file(memfd_create(name, MFD_CLOEXEC));
  if (!file) return FailErrno("memfd_create", name);
  TRY(WriteAll(file, text, name));
  if (lseek(file.get(), 0, SEEK_SET) < 0) return FailErrno("seek", name);
  return file;
}

// What it said, for a person: the end of it, in one line.
std::string WhatItSaid(BorrowedFd output) {
  if (lseek(output.get(), 0, SEEK_SET) < 0) return "";
  auto all = ReadAll(output, "output of a hook");
  if (!all) return "";
  std::string_view said = Trim(*all);
  if (said.size() > kMostOutput) said = said.substr(said.size() - kMostOutput);
  return said.empty() ? "" : fmt::format(": {}", said);
}

struct Program {
  explicit Program(const Hook& hook) : point(hook.point), path(hook.path), words(hook.args) {
    if (words.empty()) words.push_back(path);
    variables = hook.env;
    argv = Pointers(words);
    envp = Pointers(variables);
  }

  HookPoint point;
  std::string path;
  std::vector<std::string> words;
  std::vector<std::string> variables;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

[[noreturn]] void Exec(const Program& program, const HookPlace& place, BorrowedFd input,
                       BorrowedFd output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  DropOomShield();  // who cleans up was a monitor
  int failed = program.point == HookPoint::kCreateContainer
                   ? EnterContainer(place.init, place.mount_point.c_str())
                   : 0;
  dup2(input.get(), STDIN_FILENO);
  dup2(output.get(), STDOUT_FILENO);
  dup2(output.get(), STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ResetSignals();
  if (failed == 0 && chdir("/") == 0) {
    execve(program.path.c_str(), program.argv.data(), program.envp.data());
    failed = errno;
  }
  constexpr std::string_view kStep = "cannot be run: ";
  (void)!write(STDERR_FILENO, kStep.data(), kStep.size());
  const char* why = strerrordesc_np(failed);
  if (why != nullptr) (void)!write(STDERR_FILENO, why, strlen(why));
  _exit(kNotRun);
}

// Ends as the hook does, or with the whole group at the end-of-file of `starter`. It keeps nothing
// else of ours: neither a lock nor an end of a pipe.
[[noreturn]] void Guard(pid_t hook, int starter) {
  constexpr int kStarter = 0;
  dup2(starter, kStarter);
  close_range(kStarter + 1, ~0U, 0);
  auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, hook, 0));
  std::array<pollfd, 2> slots = {{{pidfd, POLLIN, 0}, {kStarter, POLLIN, 0}}};
  while (poll(slots.data(), slots.size(), -1) < 0 && errno == EINTR) {
  }
  if (slots[0].revents == 0) kill(0, SIGKILL);
  int status = 0;
  while (waitpid(hook, &status, 0) < 0 && errno == EINTR) {
  }
  _exit(FromWaitStatus(status).code);
}

enum class HookEnd { kByItself, kTooLate, kInterrupted, kWithContainer };

constexpr int64_t kMsPerSecond = 1000;

// A keyboard's ^C does not reach a group that is not the terminal's: where we block it, it is taken
// here.
Result<HookEnd> AwaitEnd(BorrowedFd guard, int64_t timeout_seconds, const HookPlace& place) {
  Fd interrupts;
  if (place.heeds_signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&set, signal);
    interrupts.reset(signalfd(-1, &set, SFD_CLOEXEC));
    if (!interrupts) return FailErrno("signalfd", "hooks");
  }
  Deadline deadline(timeout_seconds > 0 ? timeout_seconds * kMsPerSecond : -1);
  std::optional<Deadline> after_end;
  while (true) {
    std::array<pollfd, 3> slots = {{{guard.get(), POLLIN, 0},
                                    {interrupts.get(), POLLIN, 0},
                                    {after_end ? -1 : place.init, POLLIN, 0}}};
    int patience = deadline.PollTimeout();
    if (after_end && (patience < 0 || after_end->PollTimeout() < patience)) {
      patience = after_end->PollTimeout();
    }
    int ready = poll(slots.data(), slots.size(), patience);
    if (ready < 0 && errno != EINTR) return FailErrno("poll", "hooks");
    if (ready > 0 && slots[0].revents != 0) return HookEnd::kByItself;
    if (ready > 0 && slots[1].revents != 0) {
      signalfd_siginfo taken{};
      (void)!read(interrupts.get(), &taken, sizeof taken);
      return HookEnd::kInterrupted;
    }
    if (ready > 0 && slots[2].revents != 0) {
      after_end.emplace(place.seconds_after_end * kMsPerSecond);
    }
    if (after_end && after_end->Passed()) return HookEnd::kWithContainer;
    if (deadline.Passed()) return HookEnd::kTooLate;
  }
}

std::string HowItEnded(HookEnd end, const Hook& hook) {
  if (end == HookEnd::kInterrupted) return "was interrupted";
  if (end == HookEnd::kWithContainer) return "was ended, as the container has ended";
  return fmt::format("took more than {} s", hook.timeout_seconds);
}

}  // namespace

Result<> RunHook(const Hook& hook, const HookPlace& place) {
  TRY(Fd input, MakeFile("hook-state", place.state));
  TRY(Fd output, MakeFile("hook-output", ""));
  Program program(hook);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe", hook.path);
  Fd watched(ends[0]);
  Fd held(ends[1]);  // until it has ended, or we have
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", hook.path);
  if (pid == 0) {
    setpgid(0, 0);
    pid_t child = fork();
    if (child == 0) Exec(program, place, input, output);
    if (child < 0) _exit(kNotRun);
    held.reset();
    Guard(child, watched.get());
  }
  setpgid(pid, pid);  // whoever of us comes first
  ChildProcess guard(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  auto fail = [&](const std::string& how) -> Result<> {
    Error error = MakeError(ErrorKind::kSystem, fmt::format("{} hook '{}' {}{}", NameOf(hook.point),
                                                            hook.path, how, WhatItSaid(output)));
    return Fail(std::move(error).WithHint("the CDI file of a device (--device, --gpus) wants it"));
  };
  TRY(HookEnd end, AwaitEnd(guard.pidfd(), hook.timeout_seconds, place));
  if (end != HookEnd::kByItself) {
    kill(-pid, SIGKILL);
    return fail(HowItEnded(end, hook));
  }
  TRY(ExitStatus status, guard.Wait());
  if (status.code == 0) return {};
  return fail(fmt::format("ended with {}", status.code));
}

}  // namespace hoy::core
