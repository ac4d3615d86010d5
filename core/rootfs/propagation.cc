#include "core/rootfs/propagation.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "core/sys/files.h"
#include "core/sys/mount_info.h"

namespace hoy::core {

Result<> CheckPropagation(const Mount& mount) {
  bool wants_shared = (mount.propagation & MS_SHARED) != 0;
  bool wants_slave = (mount.propagation & MS_SLAVE) != 0;
  if (mount.kind != MountKind::kBind || (!wants_shared && !wants_slave)) return {};
  TRY(Fd source, OpenAt(kCwd, mount.source, O_PATH));
  TRY(std::optional<MountInfo> info, MountOf(source));
  if (!info || info->shared || (wants_slave && info->slave)) return {};
  return Fail(
      MakeError(ErrorKind::kInvalidArgument,
                fmt::format("path '{}' is mounted on '{}' but it is not a {} mount", mount.source,
                            info->mount_point, wants_shared ? "shared" : "shared or slave"))
          .WithHint(fmt::format("mount --make-shared '{}'", info->mount_point)));
}

}  // namespace hoy::core
