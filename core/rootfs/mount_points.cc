#include "core/rootfs/mount_points.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "core/sys/files.h"

namespace hoy::core {

Result<> PrepareMountPoints(const Layout& layout) {
  std::string root = layout.MountPoints();
  constexpr const char* kLast = "/run/.containerenv";
  if (Exists(root + kLast)) return {};
  constexpr std::pair<const char*, mode_t> kDirectories[] = {
      {"", 0755}, {"/dev", 0755}, {"/etc", 0755}, {"/proc", 0555}, {"/run", 0755}, {"/sys", 0555}};
  // Containers of every user see these modes, whatever umask hoy was called with.
  auto set_mode = [](const std::string& path, mode_t mode) -> Result<> {
    if (chmod(path.c_str(), mode) != 0) return FailErrno("change mode", path);
    return {};
  };
  for (const auto& [name, mode] : kDirectories) {
    TRY(MakeDirectories(root + name, mode));
    TRY(set_mode(root + name, mode));
  }
  for (const char* name : {"/etc/hostname", "/etc/hosts", "/etc/resolv.conf", kLast}) {
    TRY(Fd file, OpenAt(kCwd, root + name, O_WRONLY | O_CREAT, 0644));
    TRY(set_mode(root + name, 0644));
  }
  return {};
}

}  // namespace hoy::core
