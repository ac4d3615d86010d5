#pragma once
// A file system of a device or a server, mounted nowhere yet: fsopen(2), fsconfig(2), fsmount(2),
// Linux 5.2 (Documentation/filesystems/mount_api.rst).

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::core {

// `mount` is of kind kFilesystem. Where it goes, and its flags, are for who moves it there: with
// the last descriptor of one that is moved nowhere it is gone. kUnsupported: the kernel has no such
// file system.
Result<Fd> MountDevice(const Mount& mount);

}  // namespace hoy::core
