#pragma once
// When the health of the container is to be probed, and the process that does it.
//
// All the rest is that process's (core/engine/health.h): it runs the probe, keeps the result, acts
// on it, and says on its standard output, a SOCK_SEQPACKET socket, when it wants to be run again:
// one packet, a ProbeWord. The time counts from its end; one that ends without a word is run again
// after the usual period. There is never more than one.

#include <cstdint>

#include "core/init/plan_view.h"

namespace hoy::core {

struct ProbeWord {
  int64_t next_in_ns;
};

class ProbeTimer {
 public:
  explicit ProbeTimer(const PlanView& plan);

  // CLOCK_MONOTONIC, nanoseconds; INT64_MAX: nothing is due, or one is at work.
  int64_t due() const { return due_; }
  void Start();

  // Of the one that is at work, to be polled for input; or -1.
  int fd() const { return fd_; }
  void Hear();

 private:
  void Arm(int64_t delay_ns);

  const PlanView& plan_;
  int64_t due_ = INT64_MAX;
  int64_t wanted_ = 0;  // what it has said
  int fd_ = -1;
};

}  // namespace hoy::core
