#pragma once
// DATA/mountpoints: the lowest lowerdir of every container. It holds what hoy mounts over, so that
// an image without, say, /etc/hosts costs no copy-up into the container's upper directory at each
// start, and `diff` and `commit` see only what the container wrote. An image's own file or
// directory of that name lies above and wins. It is on the file system of the layers, as overlayfs
// wants it: only then do all files of a container show the same st_dev.

#include "core/base/result.h"
#include "core/state/layout.h"

namespace hoy::core {

// Makes what is missing; costs one stat(2) when nothing is. Two processes may do so at once.
Result<> PrepareMountPoints(const Layout& layout);

}  // namespace hoy::core
