#include "core/engine/made_mounts.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/engine/remote_volumes.h"

namespace hoy::core {

bool MadeMounts::AreIn(const ContainerConfig& config) {
  return std::ranges::any_of(
      config.mounts, [](const Mount& mount) { return mount.kind == MountKind::kFilesystem; });
}

Result<MadeMounts> MadeMounts::Make(const Layout& layout, ContainerConfig& config) {
  if (TheRemoteVolumes() == nullptr) {
    return Fail(ErrorKind::kUnsupported, "this program mounts no file systems");
  }
  // A bucket that is mounted at several places is one mount, with one cache, of one s3fs.
  std::map<std::string, std::vector<Mount*>> volumes;
  for (Mount& mount : config.mounts) {
    if (mount.kind == MountKind::kFilesystem) volumes[mount.volume->name].push_back(&mount);
  }
  MadeMounts made;
  for (auto& [volume, mounts] : volumes) {
    TRY(std::vector<Fd> fds, TheRemoteVolumes()->Mount(layout, volume, mounts.size()));
    if (fds.size() != mounts.size()) {
      return Fail(ErrorKind::kSystem, "volume '{}': {} of {} mounts came", volume, fds.size(),
                  mounts.size());
    }
    for (size_t i = 0; i < mounts.size(); ++i) {
      mounts[i]->source = fmt::format("/proc/{}/fd/{}", getpid(), fds[i].get());
      mounts[i]->recursive = false;
      made.mounts_.push_back(std::move(fds[i]));
    }
  }
  return made;
}

}  // namespace hoy::core
