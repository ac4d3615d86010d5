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

// The cgroup of a container that runs, while its limits change: all of it, or nothing.
class LimitChange {
 public:
  LimitChange(const Layout& layout, std::string_view id, CgroupLocation location)
      : layout_(layout), id_(id), cgroup_(Cgroup::Open(std::move(location))) {}

  Result<> Apply(const ResourceLimits& before, const ResourceLimits& after) {
    const bool wants_cpuset = !after.cpuset_cpus.empty() || !after.cpuset_mems.empty();
    if (wants_cpuset && cgroup_.LacksCpuset()) {
      TRY_CONTEXT(AddCpuset(), "{}", after.cpuset_cpus.empty() ? "--cpuset-mems" : "--cpuset-cpus");
    }
    auto updated = cgroup_.Update(before, after);
    if (!updated) DropCpuset();
    return updated;
  }
  void Undo(const ResourceLimits& before, const ResourceLimits& after) {
    (void)cgroup_.Update(after, before);
    DropCpuset();
  }

 private:
  Result<> AddCpuset() {
    TRY(cgroup_.AddCpuset(id_));
    added_ = true;
    auto filled = WriteCgroupLocation(layout_, id_, cgroup_.location());
    if (filled) filled = cgroup_.FillCpuset();
    if (!filled) DropCpuset();
    return filled;
  }
  void DropCpuset() {
    if (!added_ || !cgroup_.DropCpuset()) return;
    (void)WriteCgroupLocation(layout_, id_, cgroup_.location());
  }

  const Layout& layout_;
  std::string_view id_;
  Cgroup cgroup_;
  bool added_ = false;
};

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
  std::optional<LimitChange> change;
  if (auto location = ReadCgroupLocation(layout, id); location && after != before) {
    change.emplace(layout, id, *std::move(location));
    TRY(change->Apply(before, after));
  }
  auto replaced = ReplaceRecord(layout, record);
  if (!replaced) {
    if (change) change->Undo(before, after);
    return replaced;
  }
  RecordContainerEvent(layout, record, "update");
  return {};
}

}  // namespace hoy::core
