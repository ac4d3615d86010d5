#include "core/monitor/helper_timer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/monitor/read_clock.h"
#include "core/monitor/run_helper.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {

HelperTimer::HelperTimer(const PlanView& plan, Offset argv, int64_t first_ns, int64_t period_ns)
    : plan_(plan), argv_(argv), period_(period_ns) {
  if (argv != 0) Arm(first_ns);
}

void HelperTimer::Arm(int64_t delay_ns) {
  int64_t now = ReadClock(CLOCK_MONOTONIC);
  if (delay_ns < 0) delay_ns = 0;
  due_ = delay_ns < INT64_MAX - now ? now + delay_ns : INT64_MAX - 1;
}

void HelperTimer::Start() {
  ArgumentVector argv(plan_, argv_);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    Arm(period_);
    return;
  }
  bool started = RunHelper(argv.words, ends[1]);
  close(ends[1]);
  if (!started) {
    close(ends[0]);
    Arm(period_);
    return;
  }
  fd_ = ends[0];
  wanted_ = period_;
  due_ = INT64_MAX;
}

void HelperTimer::Hear() {
  HelperWord word{};
  int none = -1;
  ssize_t count = ReceivePacket(fd_, &word, sizeof word, &none);
  if (none >= 0) close(none);
  if (count == sizeof word) {
    wanted_ = word.next_in_ns;
    return;
  }
  close(fd_);
  fd_ = -1;
  Arm(wanted_);
}

}  // namespace hoy::core
