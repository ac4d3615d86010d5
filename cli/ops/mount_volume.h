#pragma once
// A volume that is mounted for each container (core/engine/made_mounts.h), as the verb for it sees
// that. The work is in hoy-image.

#include <string>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// So many mounts of it, sent through the socket kPassedFd (spawn_image.h), in as many packets as
// they take. Warnings go to stderr.
Result<> RunMountVolume(Context& context, const std::string& volume, size_t count);

}  // namespace hoy::cli
