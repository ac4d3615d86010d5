#pragma once
// How much a container has written: ps --size, container prune.

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace hoy::cli {

// Bytes of the regular files and symlinks below a directory, a container's upper one for example,
// each inode once.
// Symlinks are not followed; what vanishes meanwhile does not count.
Result<int64_t> WrittenBytes(const std::string& directory);

}  // namespace hoy::cli
