#include "core/monitor/shield.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <initializer_list>

namespace hoy::core {
namespace {

constexpr char kScore[] = "/proc/self/oom_score_adj";  // proc(5)
constexpr char kShield[] = "-999";

}  // namespace

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
  int fd = open(kScore, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, kShield, sizeof kShield - 1) < 0) {
    // As it was, then.
  }
  close(fd);
}

void DropOomShield() {
  int fd = open(kScore, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  char now[8] = {};
  bool is_shield =
      read(fd, now, sizeof now - 1) > 0 && strncmp(now, kShield, sizeof kShield - 1) == 0;
  // More than it had anybody may have.
  if (is_shield) (void)!write(fd, "0", 1);
  close(fd);
}

}  // namespace hoy::core
