#include "core/monitor/shield.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <initializer_list>

namespace hoy::core {

bool Detach() {
  setsid();
  if (chdir("/") != 0) return false;
  for (int signal : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT, SIGTTOU, SIGTTIN}) {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    sigaction(signal, &action, nullptr);
  }
  return true;
}

void HearSignals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= SIGSYS; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ShieldFromOomKiller() {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "-999", 4) < 0) {
    // As it was, then.
  }
  close(fd);
}

}  // namespace hoy::core
