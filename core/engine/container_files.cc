#include "core/engine/container_files.h"

#include <fcntl.h>

#include "core/engine/bind_sources.h"
#include "core/engine/lifecycle.h"
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
  TRY(std::optional<Fd> init, OpenProcess(status.run->init));
  if (!init) return Fd();
  auto root =
      OpenAt(kCwd, fmt::format("/proc/{}/root", status.run->init.pid), O_PATH | O_DIRECTORY);
  // The number was still this process's when it was opened.
  TRY(init, OpenProcess(status.run->init));
  if (!init) return Fd();
  return root;
}

}  // namespace

Result<ContainerFiles> ContainerFiles::Open(const Layout& layout, std::string_view id) {
  ContainerFiles files;
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(Verb::kCopy, status.state, ShortId(id)));
  TRY(files.root_, OpenLiving(status));
  if (!files.root_) {
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    files.lock_ = std::make_unique<ContainerLock>(std::move(lock));
    TRY(status, Observe(layout, id, *files.lock_));
    TRY(files.root_, OpenLiving(status));
  }
  if (files.root_) {
    files.lock_.reset();
    return files;
  }
  TRY(ContainerRecord record, ReadContainer(layout, id));
  TRY(PrepareMountPoints(layout));
  TRY(MakeMissingSources(record.config));
  TRY(files.volumes_, HoldVolumes(layout, record.config));
  TRY(files.made_, MadeRoot::Make(BuildFilesPlan(layout, record).Serialize(),
                                  fmt::format("root of container {}", ShortId(id))));
  return files;
}

}  // namespace hoy::core
