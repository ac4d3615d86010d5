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

struct ProcessTraits {
  bool reaper = false;
  bool passes_fds = false;
  bool passes_streams = false;  // they come along as well, before the others
};

// The end of every plan: from a root process with all its rights to the user's program.
void AddProcess(PlanBuilder& plan, const ProcessConfig& process, const ResolvedProcess& resolved,
                std::span<const sock_filter> seccomp, const ProcessTraits& traits);

}  // namespace hoy::core
