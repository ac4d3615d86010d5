#pragma once
// StepKind::kHook: a program of the container's that runs before its own does, as its user and with
// its rights (runtime-spec, config.md, "startContainer"). As interpreter.h: no allocation, errno
// tells, -1 is failure.

#include "core/init/plan_view.h"

namespace hoy::core {

int RunHookStep(const PlanView& plan, const Step& step);

}  // namespace hoy::core
