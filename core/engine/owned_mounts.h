#pragma once
// Mounts whose files are the container's user's own (`U`).

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::core {

// A user namespace in which the ids `disk` and `seen` have changed places, users and groups alike:
// through a mount that is mapped by it (MOUNT_ATTR_IDMAP, mount_setattr(2)), what one of them owns
// on disk is the other's. It lives as long as its descriptor.
struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};
Result<Fd> MakeOwnerMap(Owner disk, Owner seen);
std::string SwappedIds(uint32_t one, uint32_t other);  // the text of uid_map, user_namespaces(7)

// The `owned` mounts for a container that runs as `user`: what belongs to the owner of the source
// belongs to that user. Where the kernel cannot map (an overlay, before Linux 5.12), the files
// change their owners for good.
class OwnedMounts {
 public:
  static Result<OwnedMounts> Prepare(const ContainerConfig& config, Owner user);
  // By the place of the mount: a path at which a child of this process finds the user namespace.
  std::map<size_t, std::string> Files() const;

 private:
  std::map<size_t, Fd> maps_;
};

// chown -R of what belongs to `from`; links are never followed.
Result<> ChangeOwners(BorrowedFd directory, Owner from, Owner to);

}  // namespace hoy::core
