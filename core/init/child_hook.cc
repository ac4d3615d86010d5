#include "core/init/child_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/init/interpreter.h"

namespace hoy::core {
namespace {

bool WriteText(int fd, const char* text) {
  size_t left = strlen(text);
  while (left > 0) {
    ssize_t count = write(fd, text, left);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text += count;
    left -= static_cast<size_t>(count);
  }
  return true;
}

bool WriteNumber(int fd, pid_t number) {
  char digits[12];
  char* begin = digits + sizeof digits;
  *--begin = '\0';
  do {
    *--begin = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return WriteText(fd, begin);
}

// What it is told of the container.
int OpenState(const PlanView& plan, const Step& step) {
  auto parts = plan.list(step.d);
  int file = memfd_create("hook-state", MFD_CLOEXEC);
  if (file < 0) return -1;
  bool written = WriteText(file, plan.text(parts[0])) && WriteNumber(file, getpid()) &&
                 WriteText(file, plan.text(parts[1])) && lseek(file, 0, SEEK_SET) == 0;
  if (written) return file;
  int saved = errno;
  close(file);
  errno = saved;
  return -1;
}

int64_t NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

// False: its time is over.
bool AwaitEnd(int pidfd, uint64_t seconds) {
  const int64_t deadline = NowMs() + static_cast<int64_t>(seconds) * 1000;
  while (true) {
    constexpr int64_t kLongest = 1 << 30;
    int64_t left = deadline - NowMs();
    if (left > kLongest) left = kLongest;
    pollfd slot{pidfd, POLLIN, 0};
    int ready = poll(&slot, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
  }
}

int Reap(pid_t hook) {
  int status = 0;
  while (waitpid(hook, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

int RunHookStep(const PlanView& plan, const Step& step) {
  HideFromTracers();  // from what may be the image's code
  int state = OpenState(plan, step);
  if (state < 0) return -1;
  int failed[2];  // the errno of its execve
  int pidfd = -1;
  if (pipe2(failed, O_CLOEXEC) != 0) {
    close(state);
    return -1;
  }
  auto hook =
      static_cast<pid_t>(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, 0));
  if (hook == 0) {
    setpgid(0, 0);
    ResetSignals();
    dup2(state, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (chdir("/") == 0) ExecStep(plan, step);
    int error = errno;
    (void)!write(failed[1], &error, sizeof error);
    _exit(127);
  }
  int error = hook < 0 ? errno : 0;
  close(state);
  close(failed[1]);
  if (hook > 0) {
    setpgid(hook, hook);  // whoever of us comes first
    // End-of-file: it runs.
    if (ssize_t count = read(failed[0], &error, sizeof error); count == 0) {
      error = AwaitEnd(pidfd, step.value) ? 0 : ETIME;
    }
    if (error != 0) {
      kill(-hook, SIGKILL);
      kill(hook, SIGKILL);  // it may have left its group
    }
    int code = Reap(hook);
    if (error == 0 && code != 0) error = kHookEnded + code;
    close(pidfd);
  }
  close(failed[0]);
  errno = error;
  return error == 0 ? 0 : -1;
}

}  // namespace hoy::core
