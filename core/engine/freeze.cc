#include "core/engine/freeze.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine/run_directory.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

std::string MarkerPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/freezer";
}

// Whether the file that is locked is still the one of that name.
bool IsCurrent(BorrowedFd file, const std::string& path) {
  struct stat locked{};
  struct stat named{};
  return fstat(file.get(), &locked) == 0 && stat(path.c_str(), &named) == 0 &&
         locked.st_ino == named.st_ino && locked.st_dev == named.st_dev;
}

}  // namespace

bool HasEnded(const Error& error) {
  return error.kind == ErrorKind::kNotFound || error.system_errno == ENODEV;
}

Result<TemporaryFreeze> TemporaryFreeze::Begin(const Layout& layout, std::string_view id) {
  TRY(CgroupLocation location, ReadCgroupLocation(layout, id));
  if (location.version == CgroupVersion::kNone) {
    return Fail(ErrorKind::kUnsupported, "the container has no cgroup that could be frozen");
  }
  std::string path = MarkerPath(layout, id);
  while (true) {
    TRY(Fd marker, OpenAt(kCwd, path, O_RDWR | O_CREAT, 0600));
    TRY(LockFile(marker, LockMode::kExclusive, path));
    if (!IsCurrent(marker, path)) continue;  // the one before us has just ended
    TemporaryFreeze freeze(Cgroup::Open(std::move(location)), std::move(marker), std::move(path));
    if (freeze.cgroup_.IsFrozen()) {
      // Paused: it stands still already, and is to go on doing so.
      unlink(freeze.path_.c_str());
      freeze.marker_.reset();
      return freeze;
    }
    auto frozen = freeze.cgroup_.Freeze();
    if (frozen) return freeze;
    ErrorKind kind = HasEnded(frozen.error()) ? ErrorKind::kNotFound : frozen.error().kind;
    return Fail(std::move(frozen).error().WithKind(kind));
  }
}

Result<> TemporaryFreeze::End() {
  if (!marker_) return {};
  Result<> thawed = cgroup_.Thaw();
  if (!thawed && HasEnded(thawed.error())) thawed = {};
  // A failed thaw leaves the marker, so that the next command tries again.
  if (thawed) unlink(path_.c_str());
  marker_.reset();
  return thawed;
}

void TemporaryFreeze::Keep() {
  if (marker_) unlink(path_.c_str());
  marker_.reset();
}

bool IsHeldStill(const Layout& layout, std::string_view id) {
  return Exists(MarkerPath(layout, id));
}

bool IsFreezeAbandoned(const Layout& layout, std::string_view id) {
  Fd marker(open(MarkerPath(layout, id).c_str(), O_RDONLY | O_CLOEXEC));
  if (!marker) return false;
  auto free = TryLockFile(marker, LockMode::kShared);
  return free && *free;
}

Result<> ThawAbandoned(const Layout& layout, std::string_view id) {
  std::string path = MarkerPath(layout, id);
  Fd marker(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!marker) return {};
  TRY(bool free, TryLockFile(marker, LockMode::kExclusive));
  if (!free || !IsCurrent(marker, path)) return {};
  TRY(CgroupLocation location, ReadCgroupLocation(layout, id));
  TRY(Cgroup::Open(std::move(location)).Thaw());
  return Unlink(path);
}

}  // namespace hoy::core
