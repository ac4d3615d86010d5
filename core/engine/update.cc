#include "core/engine/update.h"

#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"
#include "core/cgroup/limits.h"
#include "core/engine/lifecycle.h"
#include "core/engine/run_directory.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// A limit that this host cannot have is refused now, not at the next start.
Result<> CheckHost(const ResourceLimits& limits) {
  if (DetectCgroupHost().version == CgroupVersion::kV1) {
    TRY(PlanLimitsV1(limits));
  } else {
    TRY(PlanLimitsV2(limits));
  }
  return {};
}

// record.json has two lines (container_record.h): the summary stays as it is.
Result<> ReplaceConfig(const Layout& layout, std::string_view id, const ContainerConfig& config) {
  std::string path = layout.Container(id) + "/record.json";
  TRY(std::string text, ReadFile(path, 64 << 20));
  std::string summary(CutAt(text, '\n').before);
  return WriteFileAtomically(path, summary + "\n" + EncodeContainerConfig(config) + "\n",
                             config.auto_remove ? Durability::kVolatile : Durability::kDurable);
}

}  // namespace

Result<> UpdateContainer(const Layout& layout, std::string_view id, const ContainerUpdate& update) {
  TRY(Heal(layout, id));
  TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
  TRY(ContainerRecord record, ReadContainer(layout, id));
  ResourceLimits before = record.config.limits;
  ResourceLimits after = MergeLimits(before, update.limits);
  TRY(ValidateLimits(after, ReadCpuTopology()));
  if (after == before) return {};
  TRY(CheckHost(after));
  record.config.limits = after;
  // The lock is ours: nobody starts it, and nobody cleans up, before this is over.
  auto location = ReadCgroupLocation(layout, id);
  if (!location) return ReplaceConfig(layout, id, record.config);
  Cgroup cgroup = Cgroup::Open(*std::move(location));
  TRY(cgroup.Update(before, after));
  auto replaced = ReplaceConfig(layout, id, record.config);
  if (!replaced) (void)cgroup.Update(after, before);
  return replaced;
}

}  // namespace hoy::core
