#include "core/engine/container_files.h"

#include <fcntl.h>

#include <optional>

#include "core/engine/bind_sources.h"
#include "core/engine/lifecycle.h"
#include "core/engine/made_mounts.h"
#include "core/engine/root_plan.h"
#include "core/engine/state_rules.h"
#include "core/engine/volumes.h"
#include "core/rootfs/mount_points.h"
#include "core/state/container_id.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

// The root of a living container; an empty descriptor: it does not run.
Result<Fd> OpenLiving(const ContainerStatus& status) {
  if (!status.run) return Fd();
  if (!status.run->ready) {
    return Fail(ErrorKind::kConflict, "the container is starting");  // in the host's root, maybe
  }
  auto root = OpenProcessFile(status.run->init, "root", O_PATH | O_DIRECTORY);
  return root || root.error().kind != ErrorKind::kNotFound ? std::move(root) : Fd();
}

}  // namespace

Result<ContainerFiles> ContainerFiles::Open(const Layout& layout, std::string_view id,
                                            FilesAccess access) {
  ContainerFiles files;
  TRY(ContainerStatus status, HealStarted(layout, id));
  TRY(Permit(Verb::kCopy, status.state, layout, id));
  TRY(files.living_, OpenLiving(status));
  if (!files.living_ && access == FilesAccess::kWrite) {
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    TRY(status, Observe(layout, id, lock));
    TRY(files.living_, OpenLiving(status));
    if (!files.living_) files.lock_ = std::make_unique<ContainerLock>(std::move(lock));
  }
  if (files.living_) return files;
  TRY(ContainerRecord record, ReadContainer(layout, id));
  std::optional<MadeMounts> mounts;  // until the root has them
  if (MadeMounts::AreIn(record.config)) {
    TRY(mounts, MadeMounts::Make(layout, record.config));
  }
  TRY(PrepareMountPoints(layout));
  TRY(MakeMissingSources(record.config));
  TRY(std::vector<VolumeLock> volumes, HoldVolumes(layout, record.config, access));
  auto made = MadeRoot::Make(BuildFilesPlan(layout, record, access).Serialize(),
                             fmt::format("root of container {}", ShortId(id)));
  if (!made) {
    // Where a directory that is some overlay's upper one may not be read by another ("index=on"),
    // it may be for a start that we lose a race to.
    if (access == FilesAccess::kRead) {
      TRY(status, HealStarted(layout, id));
      TRY(files.living_, OpenLiving(status));
    }
    if (files.living_) return files;
    return Fail(std::move(made).error());
  }
  files.made_ = *std::move(made);
  if (access == FilesAccess::kWrite) files.volumes_ = std::move(volumes);
  return files;
}

}  // namespace hoy::core
