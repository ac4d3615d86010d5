#include "cli/ops/mount_volume.h"

#include <netdb.h>

#include <algorithm>
#include <span>
#include <vector>

#include "cli/ops/heavy/s3fs.h"
#include "cli/ops/heavy/server_address.h"
#include "cli/ops/spawn_image.h"
#include "core/rootfs/device_mount.h"
#include "core/state/volume.h"
#include "core/sys/fd_packet.h"

namespace hoy::cli {
namespace {

Result<std::vector<Fd>> Make(Context& context, const std::string& volume, size_t count) {
  const core::Layout& layout = context.layout;
  TRY(core::VolumeRecord record, core::ReadVolume(layout, volume));
  core::Mount mount;
  TRY(core::ApplyVolumeOptions(record.options, core::VolumeData(layout, volume), mount));
  if (mount.kind != core::MountKind::kFilesystem) {
    return Fail(ErrorKind::kUnsupported, "it is a directory of this machine");
  }
  if (mount.filesystem == core::kS3fs) return MountWithS3fs(context, volume, count);
  if (mount.filesystem.starts_with("nfs") || mount.filesystem == "cifs") {
    TRY(mount.data, ResolveServer(mount.source, mount.data));
  }
  std::vector<Fd> mounts;
  while (mounts.size() < count) {
    TRY(Fd made, core::MountDevice(mount));
    mounts.push_back(std::move(made));
  }
  return mounts;
}

}  // namespace

Result<> RunMountVolume(Context& context, const std::string& volume, size_t count) {
  TRY_CONTEXT_SET(std::vector<Fd> mounts, Make(context, volume, count), "mount volume '{}'",
                  volume);
  std::vector<int> fds;
  for (const Fd& mount : mounts) fds.push_back(mount.get());
  for (std::span<const int> left = fds; !left.empty();) {
    auto some = left.first(std::min(left.size(), core::kMaxPacketFds));
    char byte = 0;
    if (core::SendPacket(kPassedFd, &byte, sizeof byte, some.data(), some.size()) < 0) {
      return FailErrno("send", "mounts");
    }
    left = left.subspan(some.size());
  }
  return {};
}

}  // namespace hoy::cli
