#pragma once
// Mounts that are made anew for each start (MountKind::kFilesystem), by hoy-image, and are nowhere
// at first: they are moved into the container's root, and the kernel takes them down with its mount
// namespace, or with our descriptor of them when it comes to no start. So nothing of them is ever
// on the host, and nobody has to clean up, whoever is killed.
//
// What a device or a server has is mounted by the kernel (core/rootfs/device_mount.h), a bucket by
// an s3fs of this container's own. That has sent on what it was given when the file is closed, also
// by the end of the program that had it open (FUSE_FLUSH); with the last mount it ends.

#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::core {

class MadeMounts {
 public:
  // Those of `config`, each of which then has a path for its source at which this process and its
  // children find it. May wait for a server: no lock is to be held.
  static Result<MadeMounts> Make(const Layout& layout, ContainerConfig& config);
  static bool AreIn(const ContainerConfig& config);

 private:
  std::vector<Fd> mounts_;
};

}  // namespace hoy::core
