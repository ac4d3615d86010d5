#include "core/engine/process_plan.h"

#include <algorithm>

#include "core/base/text.h"

namespace hoy::core {
namespace {

void AddPathStep(PlanBuilder& plan, StepKind kind, const std::string& path) {
  Offset text = plan.Text(path);
  plan.Add(kind).a = text;
}

void AddHook(PlanBuilder& plan, const PlannedHook& planned) {
  constexpr int kMostSeconds = 60;  // of one that names no time: nobody else ends it
  const Hook& hook = *planned.hook;
  Offset path = plan.Text(hook.path);
  Offset argv = plan.Texts(hook.args.empty() ? std::vector{hook.path} : hook.args);
  Offset envp = plan.Texts(hook.env);
  Offset state = plan.Texts({planned.state.first, planned.state.second});
  Step& step = plan.Add(StepKind::kHook);
  step.a = path;
  step.b = argv;
  step.c = envp;
  step.d = state;
  step.value =
      static_cast<uint64_t>(hook.timeout_seconds > 0 ? hook.timeout_seconds : kMostSeconds);
  constexpr uint64_t kLong = 1'000'000;  // so that their sum stays a number
  plan.header().hook_seconds += static_cast<uint32_t>(std::min(step.value, kLong));
}

}  // namespace

void SetVariable(std::vector<std::string>& environment, const std::string& entry) {
  std::string prefix(CutAt(entry, '=').before);
  prefix += '=';
  std::erase_if(environment, [&](const std::string& old) { return old.starts_with(prefix); });
  environment.push_back(entry);
}

void AddTerminal(PlanBuilder& plan, uint32_t uid, uint16_t rows, uint16_t columns) {
  Step& step = plan.Add(StepKind::kTerminal);
  step.value = rows;
  step.extra = columns;
  step.uid = uid;
}

void AddProcess(PlanBuilder& plan, const ProcessConfig& process, const ResolvedProcess& resolved,
                std::span<const sock_filter> seccomp, const ProcessTraits& traits) {
  plan.Add(StepKind::kStandardStreams).slot = traits.passes_streams ? 1 : 0;
  if (traits.passes_fds) plan.Add(StepKind::kPassedDescriptors);
  for (const Rlimit& limit : process.rlimits) {
    Step& step = plan.Add(StepKind::kLimit);
    step.value = static_cast<uint64_t>(limit.resource);
    step.extra = limit.soft;
    step.extra2 = limit.hard;
  }
  plan.Add(StepKind::kUmask).value = process.umask;
  AddPathStep(plan, StepKind::kWorkingDirectory, process.cwd);
  const CapabilitySets& capabilities = process.capabilities;
  plan.Add(StepKind::kCapabilityBounds).value = capabilities.bounding;
  Offset groups = plan.Numbers(resolved.user.groups);
  Step& user = plan.Add(StepKind::kUser);
  user.uid = resolved.user.uid;
  user.gid = resolved.user.gid;
  user.d = groups;
  // Without no_new_privs the filter needs CAP_SYS_ADMIN, so it comes before capset; with it, it is
  // the very last thing before execve, so that a strict profile need not allow hoy's own calls.
  auto add_filter = [&] {
    if (seccomp.empty()) return;
    Offset program = plan.Blob(seccomp.data(), seccomp.size_bytes());
    Step& step = plan.Add(StepKind::kSeccomp);
    step.a = program;
    step.value = seccomp.size();
  };
  if (!process.no_new_privileges) add_filter();
  Step& sets = plan.Add(StepKind::kCapabilities);
  sets.value = resolved.user.uid == 0 ? capabilities.permitted
                                      : capabilities.ambient | capabilities.inheritable;
  sets.extra = capabilities.inheritable;
  sets.extra2 = capabilities.ambient;
  if (process.no_new_privileges) plan.Add(StepKind::kNoNewPrivileges);
  if (traits.forks) {
    plan.Add(StepKind::kFork);
    plan.Add(StepKind::kNewSession);
    if (process.terminal) plan.Add(StepKind::kControllingTerminal);
    if (traits.awaits_release) plan.Add(StepKind::kAwaitRelease);
  }
  if (traits.reaper) plan.Add(StepKind::kReaper);
  if (process.no_new_privileges) add_filter();
  std::vector<std::string> environment = process.env;
  bool has_home = std::ranges::any_of(
      environment, [](const std::string& entry) { return entry.starts_with("HOME="); });
  if (!has_home) environment.push_back("HOME=" + resolved.user.home);
  for (const PlannedHook& planned : traits.hooks) AddHook(plan, planned);
  Offset path = plan.Text(resolved.executable);
  Offset argv = plan.Texts(process.args);
  Offset envp = plan.Texts(environment);
  Step& exec = plan.Add(StepKind::kExec);
  exec.a = path;
  exec.b = argv;
  exec.c = envp;
}

}  // namespace hoy::core
