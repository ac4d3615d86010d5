#include "core/engine/pause.h"

#include "core/cgroup/cgroup.h"
#include "core/engine/freeze.h"
#include "core/engine/lifecycle.h"
#include "core/engine/run_directory.h"
#include "core/engine/state_rules.h"
#include "core/state/event_log.h"

namespace hoy::core {
namespace {

Error NotRunning(const Layout& layout, std::string_view id) {
  return MakeError(ErrorKind::kConflict,
                   fmt::format("container {} is not running", ShownName(layout, id)));
}

Result<Cgroup> OpenForUnpause(const Layout& layout, std::string_view id) {
  TRY(ContainerStatus status, HealStarted(layout, id));
  TRY(Permit(Verb::kUnpause, status.state, layout, id));
  auto location = ReadCgroupLocation(layout, id);
  if (!location) {
    // It has ended since.
    if (location.error().kind == ErrorKind::kNotFound) return Fail(NotRunning(layout, id));
    return Fail(std::move(location).error());
  }
  return Cgroup::Open(*std::move(location));
}

Result<> Finish(const Layout& layout, std::string_view id, std::string_view action, Result<> done) {
  if (!done) return HasEnded(done.error()) ? Fail(NotRunning(layout, id)) : std::move(done);
  if (auto summary = ReadSummary(layout, id)) RecordContainerEvent(layout, *summary, action);
  return {};
}

}  // namespace

Result<> PauseContainer(const Layout& layout, std::string_view id) {
  TRY(ContainerStatus status, HealStarted(layout, id));
  TRY(Permit(Verb::kPause, status.state, layout, id));
  if (!status.IsUp()) return Fail(NotRunning(layout, id));
  // Whoever holds it still for a moment, as a commit does, would let it go on: after that one.
  auto freeze = TemporaryFreeze::Begin(layout, id);
  if (!freeze) return Finish(layout, id, "pause", Fail(std::move(freeze).error()));
  freeze->Keep();
  return Finish(layout, id, "pause", {});
}

Result<> UnpauseContainer(const Layout& layout, std::string_view id) {
  TRY(Cgroup cgroup, OpenForUnpause(layout, id));
  Result<> thawed = cgroup.Thaw();
  // It went on, and on to its end.
  if (!thawed && HasEnded(thawed.error())) thawed = {};
  return Finish(layout, id, "unpause", std::move(thawed));
}

std::string HeldUpByPause(const Layout& layout, std::string_view id) {
  auto record = ReadContainer(layout, id);
  if (!record || record->config.namespaces.pid != NamespaceMode::kJoined) return "";
  auto location = ReadCgroupLocation(layout, id);
  if (!location || location->version != CgroupVersion::kV1) return "";
  return ShownName(layout, record->config.namespaces.pid_container);
}

bool IsPaused(const Layout& layout, std::string_view id) {
  auto location = ReadCgroupLocation(layout, id);
  return location && Cgroup::Open(*std::move(location)).IsFrozen();
}

}  // namespace hoy::core
