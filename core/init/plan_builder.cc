#include "core/init/plan_builder.h"

#include <fmt/core.h>

#include <cstring>

#include "core/init/plan_view.h"

namespace hoy::core {
namespace {

// The pool comes right behind the header, the steps last: pool offsets are final when given out.
constexpr Offset kPoolStart = sizeof(PlanHeader);

std::string_view StageName(StepKind kind) {
  switch (kind) {
    case StepKind::kAwaitRelease: return "await cgroup";
    case StepKind::kUnshare: return "unshare";
    case StepKind::kJoinCgroups: return "join cgroup";
    case StepKind::kJoinNamespaces: return "join namespaces";
    case StepKind::kFork: return "enter PID namespace";
    case StepKind::kNewSession: return "setsid";
    case StepKind::kPropagation: return "set mount propagation";
    case StepKind::kOpenTree: return "open mount source";
    case StepKind::kOpenJoinedTree: return "open mount of the joined container";
    case StepKind::kOpenFile: return "open";
    case StepKind::kMeet: return "run hooks";
    case StepKind::kOverlay: return "mount overlay";
    case StepKind::kPivotRoot: return "pivot_root";
    case StepKind::kMount: return "mount";
    case StepKind::kMoveTree: return "bind mount";
    case StepKind::kRemount: return "remount";
    case StepKind::kMask: return "mask";
    case StepKind::kReadOnlyPath: return "make read-only";
    case StepKind::kMakeDirectories: return "create directory";
    case StepKind::kCopyAttributes: return "copy attributes";
    case StepKind::kMakeNode: return "create device";
    case StepKind::kRemoveFile: return "remove";
    case StepKind::kSymlink: return "create symlink";
    case StepKind::kTouch: return "create file";
    case StepKind::kWriteFile: return "write";
    case StepKind::kWriteOpen: return "write";
    case StepKind::kLoopbackUp: return "bring up loopback";
    case StepKind::kHostname: return "set hostname";
    case StepKind::kDomainname: return "set domain name";
    case StepKind::kTerminal: return "open terminal";
    case StepKind::kControllingTerminal: return "set controlling terminal";
    case StepKind::kConsole: return "bind console";
    case StepKind::kStandardStreams: return "connect standard streams";
    case StepKind::kPassedDescriptors: return "pass descriptors";
    case StepKind::kLimit: return "set resource limit";
    case StepKind::kUmask: return "set umask";
    case StepKind::kWorkingDirectory: return "change to working directory";
    case StepKind::kCapabilityBounds: return "drop capabilities";
    case StepKind::kUser: return "set user";
    case StepKind::kCapabilities: return "set capabilities";
    case StepKind::kNoNewPrivileges: return "set no_new_privs";
    case StepKind::kSeccomp: return "install seccomp filter";
    case StepKind::kHook: return "run hook";
    case StepKind::kReaper: return "start init";
    case StepKind::kExec: return "exec";
  }
  return "unknown step";
}

std::string_view OrEmpty(const char* text) {
  return text != nullptr ? text : "";
}

std::string Subject(const PlanView& plan, const Step& step) {
  switch (step.kind) {
    case StepKind::kMount:
    case StepKind::kMoveTree: return std::string(OrEmpty(plan.text(step.c)));
    case StepKind::kSymlink: return std::string(OrEmpty(plan.text(step.b)));
    case StepKind::kOpenTree:
      if (step.b != 0) return fmt::format("{}/{}", plan.text(step.a), plan.text(step.b));
      return plan.text(step.a);
    case StepKind::kUser: return fmt::format("{}:{}", step.uid, step.gid);
    case StepKind::kSeccomp: return {};
    default: return std::string(OrEmpty(plan.text(step.a)));
  }
}

}  // namespace

PlanBuilder::PlanBuilder() {
  header_.magic = kPlanMagic;
  header_.version = kPlanVersion;
}

void PlanBuilder::Align() {
  pool_.resize((pool_.size() + 7) / 8 * 8);
}

Offset PlanBuilder::Text(std::string_view text) {
  auto at = static_cast<Offset>(kPoolStart + pool_.size());
  pool_.append(text).push_back('\0');
  return at;
}

Offset PlanBuilder::Blob(const void* bytes, size_t size) {
  Align();
  auto at = static_cast<Offset>(kPoolStart + pool_.size());
  pool_.append(static_cast<const char*>(bytes), size);
  return at;
}

Offset PlanBuilder::Numbers(std::span<const uint32_t> numbers) {
  std::vector<uint32_t> words;
  words.reserve(numbers.size() + 1);
  words.push_back(static_cast<uint32_t>(numbers.size()));
  words.insert(words.end(), numbers.begin(), numbers.end());
  return Blob(words.data(), words.size() * sizeof(uint32_t));
}

Offset PlanBuilder::Texts(const std::vector<std::string>& texts) {
  std::vector<uint32_t> offsets;
  offsets.reserve(texts.size());
  for (const std::string& text : texts) offsets.push_back(Text(text));
  return Numbers(offsets);
}

Step& PlanBuilder::Add(StepKind kind) {
  Step step{};
  step.kind = kind;
  steps_.push_back(step);
  return steps_.back();
}

std::string PlanBuilder::Serialize() const {
  PlanHeader header = header_;
  std::string bytes(sizeof header, '\0');
  bytes.append(pool_);
  bytes.resize((bytes.size() + 7) / 8 * 8);
  header.steps = static_cast<Offset>(bytes.size());
  header.step_count = static_cast<uint32_t>(steps_.size());
  bytes.append(reinterpret_cast<const char*>(steps_.data()), steps_.size() * sizeof(Step));
  header.size = static_cast<uint32_t>(bytes.size());
  memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

StepDescription DescribeStep(const std::string& serialized, uint32_t index) {
  PlanView plan(serialized.data());
  if (index >= plan.steps().size()) return {"start", {}};
  const Step& step = plan.steps()[index];
  return {StageName(step.kind), Subject(plan, step)};
}

std::string DescribePlan(const std::string& serialized) {
  PlanView plan(serialized.data());
  std::string lines;
  for (const Step& step : plan.steps()) {
    lines.append(StageName(step.kind));
    if (step.kind == StepKind::kMount) {
      lines.append(
          fmt::format(" {} from {}", OrEmpty(plan.text(step.a)), OrEmpty(plan.text(step.b))));
    }
    if (step.kind == StepKind::kOpenTree) lines.append(fmt::format(" #{}", step.slot));
    if (step.kind == StepKind::kMoveTree) lines.append(fmt::format(" #{} to", step.slot));
    std::string subject = Subject(plan, step);
    if (!subject.empty()) lines.append(" ").append(subject);
    if (step.kind == StepKind::kMount && step.d != 0) {
      lines.append(" ").append(OrEmpty(plan.text(step.d)));
    }
    if (step.kind == StepKind::kWriteFile) lines.append(" = ").append(OrEmpty(plan.text(step.b)));
    if (step.kind == StepKind::kSymlink) lines.append(" -> ").append(OrEmpty(plan.text(step.a)));
    if (step.flags != 0) lines.append(fmt::format(" flags={:#x}", step.flags));
    if (step.kind == StepKind::kMoveTree && step.extra != 0) {
      lines.append(fmt::format(" top={:#x}", step.extra));
    }
    if (step.kind == StepKind::kExec) {
      for (uint32_t argument : plan.list(step.b))
        lines.append(fmt::format(" [{}]", plan.text(argument)));
    }
    lines.push_back('\n');
  }
  return lines;
}

}  // namespace hoy::core
