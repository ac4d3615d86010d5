#include "core/engine/pause.h"

#include "core/cgroup/cgroup.h"
#include "core/engine/run_directory.h"
#include "core/engine/state_rules.h"
#include "core/state/event_log.h"

namespace hoy::core {
namespace {

Error NotRunning(const Layout& layout, std::string_view id) {
  return MakeError(ErrorKind::kConflict,
                   fmt::format("container {} is not running", ShownName(layout, id)));
}

Result<Cgroup> OpenFor(Verb verb, const Layout& layout, std::string_view id) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(verb, status.state, layout, id));
  auto location = ReadCgroupLocation(layout, id);
  if (!location) {
    // It has ended since.
    if (location.error().kind == ErrorKind::kNotFound) return Fail(NotRunning(layout, id));
    return Fail(std::move(location).error());
  }
  return Cgroup::Open(*std::move(location));
}

// A cgroup that goes away under our hands is that of a container that has ended.
Result<> Finish(const Layout& layout, std::string_view id, std::string_view action, Result<> done) {
  if (!done) {
    int code = done.error().system_errno;
    if (code == ENOENT || code == ENODEV) return Fail(NotRunning(layout, id));
    return done;
  }
  if (auto summary = ReadSummary(layout, id)) RecordContainerEvent(layout, *summary, action);
  return {};
}

}  // namespace

Result<> PauseContainer(const Layout& layout, std::string_view id) {
  TRY(Cgroup cgroup, OpenFor(Verb::kPause, layout, id));
  return Finish(layout, id, "pause", cgroup.Freeze());
}

Result<> UnpauseContainer(const Layout& layout, std::string_view id) {
  TRY(Cgroup cgroup, OpenFor(Verb::kUnpause, layout, id));
  return Finish(layout, id, "unpause", cgroup.Thaw());
}

bool IsPaused(const Layout& layout, std::string_view id) {
  auto location = ReadCgroupLocation(layout, id);
  return location && Cgroup::Open(*std::move(location)).IsFrozen();
}

}  // namespace hoy::core
