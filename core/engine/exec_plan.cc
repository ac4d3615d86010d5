#include "core/engine/exec_plan.h"

#include <sched.h>

#include "core/engine/process_plan.h"

namespace hoy::core {

PlanBuilder BuildJoinPlan(const JoinInput& input) {
  PlanBuilder plan;
  PlanHeader& header = plan.header();
  header.mode = MonitorMode::kDirect;
  header.session_timeout_ms = input.timeout_ms;
  header.session_record = plan.Text(input.place.record);
  header.session_directory = plan.Text(input.place.directory);
  if (!input.ended_argv.empty()) header.cleanup_argv = plan.Texts(input.ended_argv);
  const CgroupLeaf& leaf = input.place.cgroup;
  bool has_leaf = !leaf.directory.empty();
  if (has_leaf) {
    header.session_cgroup = plan.Text(leaf.directory);
    header.session_cgroup_above = plan.Text(leaf.above);
  }
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
  bool v2 = has_leaf && leaf.others.version == CgroupVersion::kV2;
  if (!v2) {
    // While the host's paths are still in reach.
    Offset files = plan.Texts(leaf.others.SelfJoinFiles());
    Step& join = plan.Add(StepKind::kJoinCgroups);
    join.d = files;
    join.slot = has_leaf ? 1 : 0;
    namespaces |= CLONE_NEWCGROUP;
  }
  plan.Add(StepKind::kJoinNamespaces).flags = namespaces;
  plan.Add(StepKind::kForkIntoPidNamespace).slot = v2 ? 1 : 0;
  // With "nsdelegate" nobody moves a process across the border of the own cgroup namespace: on v2
  // this one is joined by who is in the cgroup already.
  if (v2) plan.Add(StepKind::kJoinNamespaces).flags = CLONE_NEWCGROUP;
  plan.Add(StepKind::kNewSession);
  return plan;
}

PlanBuilder BuildExecPlan(const ExecInput& input) {
  PlanBuilder plan;
  plan.header().mode = MonitorMode::kDirect;
  if (input.process->terminal) {
    AddTerminal(plan, input.resolved.user.uid, input.rows, input.columns);
  }
  AddProcess(plan, *input.process, input.resolved, input.seccomp, {.passes_fds = input.passes_fds});
  return plan;
}

}  // namespace hoy::core
