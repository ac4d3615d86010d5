#include "core/engine/pause.h"

#include "core/cgroup/cgroup.h"
#include "core/engine/run_directory.h"
#include "core/state/container_id.h"

namespace hoy::core {
namespace {

Error Conflict(std::string_view id, std::string_view what) {
  return MakeError(ErrorKind::kConflict, fmt::format("container {} is {}", ShortId(id), what));
}

Result<Cgroup> OpenRunning(const Layout& layout, std::string_view id) {
  TRY(ContainerStatus status, Heal(layout, id));
  if (!status.run || status.run->exit) return Fail(Conflict(id, "not running"));
  auto location = ReadCgroupLocation(layout, id);
  if (!location) {
    // It has ended since.
    if (location.error().kind == ErrorKind::kNotFound) return Fail(Conflict(id, "not running"));
    return Fail(std::move(location).error());
  }
  return Cgroup::Open(*std::move(location));
}

// A cgroup that goes away under our hands is that of a container that has ended.
Result<> Judge(Result<> done, std::string_view id) {
  if (done) return {};
  int code = done.error().system_errno;
  if (code == ENOENT || code == ENODEV) return Fail(Conflict(id, "not running"));
  return done;
}

}  // namespace

Result<> PauseContainer(const Layout& layout, std::string_view id) {
  TRY(Cgroup cgroup, OpenRunning(layout, id));
  if (cgroup.IsFrozen()) return Fail(Conflict(id, "paused already"));
  return Judge(cgroup.Freeze(), id);
}

Result<> UnpauseContainer(const Layout& layout, std::string_view id) {
  TRY(Cgroup cgroup, OpenRunning(layout, id));
  if (!cgroup.IsFrozen()) return Fail(Conflict(id, "not paused"));
  return Judge(cgroup.Thaw(), id);
}

bool IsPaused(const Layout& layout, std::string_view id) {
  auto location = ReadCgroupLocation(layout, id);
  return location && Cgroup::Open(*std::move(location)).IsFrozen();
}

}  // namespace hoy::core
