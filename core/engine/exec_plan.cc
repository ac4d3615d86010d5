#include "core/engine/exec_plan.h"

#include <fcntl.h>
#include <sched.h>

#include "core/engine/process_plan.h"

namespace hoy::core {
namespace {

constexpr uint32_t kOomScoreSlot = 0;

}  // namespace

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
  // While the host's paths are still in reach.
  Offset score = plan.Text(kOomScorePath);
  Step& open = plan.Add(StepKind::kOpenFile);
  open.a = score;
  open.flags = O_WRONLY;
  open.slot = kOomScoreSlot;
  if (has_leaf && leaf.others.version == CgroupVersion::kV2) {
    // With "nsdelegate" nobody moves a process across the border of the own cgroup namespace: on v2
    // that one is joined by who is in the cgroup already.
    header.session_born_there = 1;
  } else {
    Offset files = plan.Texts(leaf.others.SelfJoinFiles());
    Step& join = plan.Add(StepKind::kJoinCgroups);
    join.d = files;
    join.slot = has_leaf ? 1 : 0;
  }
  plan.Add(StepKind::kJoinNamespaces).flags =
      CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID;
  return plan;
}

PlanBuilder BuildExecPlan(const ExecInput& input) {
  PlanBuilder plan;
  plan.header().mode = MonitorMode::kDirect;
  if (input.process->oom_score_adj) {
    Offset path = plan.Text(kOomScorePath);
    Offset value = plan.Text(std::to_string(*input.process->oom_score_adj));
    Step& step = plan.Add(StepKind::kWriteOpen);
    step.slot = kOomScoreSlot;
    step.a = path;
    step.b = value;
  }
  if (input.process->terminal) {
    AddTerminal(plan, input.resolved.user.uid, input.rows, input.columns);
    plan.last().slot = 1;
  }
  AddProcess(plan, *input.process, input.resolved, input.seccomp,
             {.passes_fds = input.passes_fds, .forks = true});
  return plan;
}

}  // namespace hoy::core
