#include "core/monitor/run_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/monitor/shield.h"

namespace hoy::core {
namespace {

pid_t Fork() {
  return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

}  // namespace

ArgumentVector::ArgumentVector(const PlanView& plan, Offset list) {
  for (uint32_t word : plan.list(list)) {
    if (count_ < kMost) words[count_++] = const_cast<char*>(plan.text(word));
  }
}

bool ArgumentVector::Add(const char* word) {
  if (count_ == 0 || count_ == kMost) return false;
  words[count_++] = const_cast<char*>(word);
  return true;
}

// As a grandchild, which is nobody's zombie.
bool RunHelper(char* const* argv, int output) {
  pid_t child = Fork();
  if (child < 0) return false;
  if (child == 0) {
    pid_t helper = Fork();
    if (helper != 0) _exit(helper < 0 ? 1 : 0);
    HearSignals();
    // The monitor may have its user's own streams (--log-driver passthrough).
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char* environment[] = {nullptr};
    if (dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0 &&
        dup2(output >= 0 ? output : null, STDOUT_FILENO) >= 0) {
      execve(argv[0], argv, environment);
    }
    _exit(1);
  }
  int status = 0;
  while (wait4(child, &status, 0, nullptr) < 0 && errno == EINTR) {
  }
  return status == 0;
}

}  // namespace hoy::core
