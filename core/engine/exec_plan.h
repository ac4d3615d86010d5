#pragma once
// The two InitPlans of a session of `hoy exec`. Pure.

#include <linux/filter.h>

#include <span>

#include "core/engine/exec_sessions.h"
#include "core/engine/start_plan.h"
#include "core/init/plan_builder.h"

namespace hoy::core {

// What differs between the container's process and one that `hoy exec` adds.
struct ExecInput {
  const ProcessConfig* process = nullptr;
  ResolvedProcess resolved;
  std::span<const sock_filter> seccomp;
  uint16_t rows = 0;
  uint16_t columns = 0;
  bool passes_fds = false;
};

struct JoinInput {
  ExecPlace place;
  int64_t timeout_ms = 0;               // --timeout; 0: none
  std::vector<std::string> ended_argv;  // of one that may be detached
};

// Mode kDirect: joins the cgroup and the namespaces of the process behind MonitorFd kJoinFd; the
// host's, too, where the container shares them.
PlanBuilder BuildJoinPlan(const JoinInput& input);

// Mode kDirect: the rest, up to execve.
PlanBuilder BuildExecPlan(const ExecInput& input);

}  // namespace hoy::core
