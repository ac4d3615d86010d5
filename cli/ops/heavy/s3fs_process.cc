#include "cli/ops/heavy/s3fs_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace hoy::cli {
namespace {

constexpr int kNotRun = 127;

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void Exec(const char* path, char** argv, char** envp, BorrowedFd log) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) (void)::signal(signal, SIG_DFL);
  rlimit no_core{};
  setrlimit(RLIMIT_CORE, &no_core);
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(log.get(), STDOUT_FILENO);
  dup2(log.get(), STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (chdir("/") == 0) execve(path, argv, envp);
  _exit(kNotRun);
}

// It keeps nothing of ours open but what it listens to.
[[noreturn]] void Guard(pid_t s3fs, BorrowedFd starter, BorrowedFd cancelled) {
  constexpr int kStarter = 0;
  constexpr int kCancelled = 1;
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) (void)::signal(signal, SIG_IGN);
  dup2(starter.get(), kStarter);
  bool can_cancel = dup2(cancelled.get(), kCancelled) == kCancelled;
  close_range(can_cancel ? kCancelled + 1 : kCancelled, ~0U, 0);
  auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, s3fs, 0));
  std::array<pollfd, 3> slots = {
      {{pidfd, POLLIN, 0}, {kStarter, POLLIN, 0}, {can_cancel ? kCancelled : -1, POLLIN, 0}}};
  while (poll(slots.data(), slots.size(), -1) < 0 && errno == EINTR) {
  }
  char byte = 0;
  bool is_released = slots[1].revents != 0 && read(kStarter, &byte, 1) == 1;
  if (is_released) _exit(0);
  if (slots[0].revents == 0) kill(s3fs, SIGKILL);
  while (waitpid(s3fs, nullptr, 0) < 0 && errno == EINTR) {
  }
  _exit(0);
}

}  // namespace

Result<S3fsProcess> S3fsProcess::Spawn(Invocation invocation, BorrowedFd log,
                                       const oci::CancelToken& cancel) {
  std::vector<char*> argv = Pointers(invocation.arguments);
  std::vector<char*> envp = Pointers(invocation.environment);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe", "s3fs");
  Fd starter(ends[0]);
  Fd hold(ends[1]);
  pid_t pid = fork();
  if (pid < 0) return FailErrno("fork", "s3fs");
  if (pid == 0) {
    setsid();
    pid_t child = fork();
    if (child == 0) Exec(invocation.path.c_str(), argv.data(), envp.data(), log);
    if (child < 0) _exit(kNotRun);
    Guard(child, starter, cancel.fd());
  }
  core::ChildProcess guard(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  return S3fsProcess(std::move(guard), std::move(hold));
}

S3fsProcess::~S3fsProcess() {
  hold_.reset();
  if (guard_.pid() > 0) (void)guard_.Wait();
}

Result<> S3fsProcess::Release() {
  char byte = 1;
  if (write(hold_.get(), &byte, 1) != 1) return FailErrno("release", "s3fs");
  TRY(guard_.Wait());
  return {};
}

}  // namespace hoy::cli
