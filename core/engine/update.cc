#include "core/engine/update.h"

#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"
#include "core/cgroup/limits.h"
#include "core/engine/lifecycle.h"
#include "core/engine/run_directory.h"
#include "core/engine/state_rules.h"
#include "core/state/container_record.h"
#include "core/state/event_log.h"

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

// Nothing would be left of it to be restarted.
Result<> CheckRestart(const ContainerRecord& record) {
  if (!record.config.auto_remove || record.config.restart.mode == RestartMode::kNo) return {};
  return Fail(ErrorKind::kConflict, "--restart: container '{}' is removed when it has ended",
              record.name);
}

}  // namespace

Result<> UpdateContainer(const Layout& layout, std::string_view id, const ContainerUpdate& update) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(Verb::kUpdate, status.state, layout, id));
  TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
  TRY(ContainerRecord record, ReadContainer(layout, id));
  ResourceLimits before = record.config.limits;
  ResourceLimits after = MergeLimits(before, update.limits);
  TRY(ValidateLimits(after, ReadCpuTopology()));
  if (update.restart) record.config.restart = *update.restart;
  TRY(CheckRestart(record));
  if (after != before) TRY(CheckHost(after));
  record.config.limits = after;
  // The lock is ours: nobody starts it, and nobody cleans up, before this is over.
  std::optional<Cgroup> cgroup;
  if (auto location = ReadCgroupLocation(layout, id); location && after != before) {
    cgroup = Cgroup::Open(*std::move(location));
    TRY(cgroup->Update(before, after));
  }
  auto replaced = ReplaceRecord(layout, record);
  if (!replaced) {
    if (cgroup) (void)cgroup->Update(after, before);
    return replaced;
  }
  RecordContainerEvent(layout, record, "update");
  return {};
}

}  // namespace hoy::core
