#pragma once
// When a program that works for the container from time to time is to be run, and the process that
// does it: what probes its health, what writes its S3 volumes back.
//
// All the rest is that process's (core/engine/health.h, cli/cmd/hidden/sync_volumes.cc). It may say
// on its standard output, a SOCK_SEQPACKET socket, when it wants to be run again: one packet, a
// HelperWord. The time counts from its end; one that ends without a word is run again after the
// usual period. There is never more than one.

#include <cstdint>

#include "core/init/plan_view.h"

namespace hoy::core {

struct HelperWord {
  int64_t next_in_ns;
};

class HelperTimer {
 public:
  // `argv`: a list of the plan, which outlives this; 0: it is never due.
  HelperTimer(const PlanView& plan, Offset argv, int64_t first_ns, int64_t period_ns);

  // CLOCK_MONOTONIC, nanoseconds; INT64_MAX: nothing is due, or one is at work.
  int64_t due() const { return due_; }
  void Start();

  // Of the one that is at work, to be polled for input; or -1.
  int fd() const { return fd_; }
  void Hear();

 private:
  void Arm(int64_t delay_ns);

  const PlanView& plan_;
  Offset argv_;
  int64_t period_;
  int64_t due_ = INT64_MAX;
  int64_t wanted_ = 0;  // what it has said
  int fd_ = -1;
};

}  // namespace hoy::core
