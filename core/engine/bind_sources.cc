#include "core/engine/bind_sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/rootfs/mount_source.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

Result<> MakeOverlay(const std::string& source, const std::string& directory) {
  struct stat status{};
  if (stat(source.c_str(), &status) != 0) return FailErrno("mount source", source);
  if (!S_ISDIR(status.st_mode)) {
    return Fail(ErrorKind::kInvalidArgument, "mount source '{}': ':O' needs a directory", source);
  }
  TRY(MakeDirectories(directory, 0700));
  TRY(MakeDirectory(directory + "/work", 0700));
  std::string upper = directory + "/upper";
  TRY(MakeDirectory(upper, 0755));
  // An overlay's top has the owner and mode of its upper directory.
  if (chown(upper.c_str(), status.st_uid, status.st_gid) != 0 ||
      chmod(upper.c_str(), status.st_mode & 07777) != 0) {
    return FailErrno("prepare", upper);
  }
  return {};
}

bool HasOverlay(const ContainerConfig& config) {
  return std::ranges::any_of(config.mounts, &Mount::overlay);
}

}  // namespace

Result<> MakeMissingSources(const ContainerConfig& config) {
  for (const Mount& mount : config.mounts) {
    if (!mount.create_source || Exists(mount.source)) continue;
    TRY_CONTEXT(MakeDirectories(mount.source), "mount source");
  }
  return {};
}

std::string OverlayDirectory(const Layout& layout, std::string_view id, size_t index) {
  return fmt::format("{}/{}", layout.Overlays(id), index);
}

Result<> MakeOverlays(const Layout& layout, const ContainerRecord& record) {
  if (!HasOverlay(record.config)) return {};
  // A run whose end nobody saw has left its own.
  TRY(RemoveOverlays(layout, record.id, record.config));
  for (size_t i = 0; i < record.config.mounts.size(); ++i) {
    const Mount& mount = record.config.mounts[i];
    if (!mount.overlay) continue;
    TRY(MakeOverlay(SourceLayers(layout, mount).front(), OverlayDirectory(layout, record.id, i)));
  }
  return {};
}

Result<> RemoveOverlays(const Layout& layout, std::string_view id, const ContainerConfig& config) {
  return HasOverlay(config) ? RemoveTree(layout.Overlays(id)) : Result<>{};
}

}  // namespace hoy::core
