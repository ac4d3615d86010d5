#pragma once
// The steps that the container's process and the ones of `hoy exec` have in common. Pure.

#include <linux/filter.h>

#include <span>

#include "core/engine/start_plan.h"
#include "core/init/plan_builder.h"

namespace hoy::core {

// "NAME=value": in the place of what that variable was, or as another one.
void SetVariable(std::vector<std::string>& environment, const std::string& entry);

// `rows` and `columns` of the client's window; 0: the kernel's default.
void AddTerminal(PlanBuilder& plan, uint32_t uid, uint16_t rows, uint16_t columns);

// In the /proc of the host: that of the container may have no "self" for who makes ready.
inline constexpr const char* kOomScorePath = "/proc/self/oom_score_adj";

struct PlannedHook {
  const Hook* hook = nullptr;
  std::pair<std::string, std::string> state;  // state.json before and behind the pid
};

struct ProcessTraits {
  bool reaper = false;
  bool passes_fds = false;
  bool passes_streams = false;  // they come along as well, before the others
  // It has joined another's PID namespace, for its children: the program runs in one. That is the
  // very last thing, so that who may trace it there finds nothing that the program itself would not
  // have (but for a filter that comes last of all with no_new_privs).
  bool forks = false;
  bool awaits_release = false;     // it is waited for then: kAwaitRelease
  std::vector<PlannedHook> hooks;  // of the point startContainer
};

// The end of every plan: from a root process with all its rights to the user's program.
void AddProcess(PlanBuilder& plan, const ProcessConfig& process, const ResolvedProcess& resolved,
                std::span<const sock_filter> seccomp, const ProcessTraits& traits);

}  // namespace hoy::core
