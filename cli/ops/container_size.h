#pragma once
// How much a container has written: ps --size.

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace hoy::cli {

// Bytes of the regular files and symlinks below a container's upper directory, each inode once.
// Symlinks are not followed; what vanishes meanwhile does not count.
Result<int64_t> WrittenBytes(const std::string& upper);

}  // namespace hoy::cli
