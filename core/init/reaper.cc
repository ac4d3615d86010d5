#include "core/init/reaper.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/init/plan.h"

namespace hoy::core {
namespace {

// As a shell tells it: 128 + signal.
int CodeOf(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

[[noreturn]] void Reap(pid_t child, const sigset_t& all) {
  while (true) {
    siginfo_t info{};
    int signal = sigwaitinfo(&all, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      // Job-control stops of our own terminal are the child's business, it has the foreground.
      if (signal != SIGTTIN && signal != SIGTTOU) kill(child, signal);
      continue;
    }
    int status = 0;
    pid_t reaped = 0;
    while ((reaped = waitpid(-1, &status, WNOHANG)) > 0) {
      if (reaped == child) _exit(CodeOf(status));
    }
  }
}

}  // namespace

int BecomeReaper(int status_fd, int passed_fds, const char* plans) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child < 0) return -1;
  if (child > 0) {
    close(status_fd);
    munmap(const_cast<char*>(plans), kPlanSpace);
    for (int fd = 3; fd < 3 + passed_fds; ++fd) close(fd);
    Reap(child, all);
  }
  // The child is a job of its own in the foreground, so that ^C reaches it and not the reaper.
  // SIGTTOU is still blocked here, as tcsetpgrp from the background wants.
  setpgid(0, 0);
  tcsetpgrp(STDIN_FILENO, getpid());
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return 0;
}

}  // namespace hoy::core
