#pragma once
// Rotated files of a log in gzip's form (RFC 1952).

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

// A nameless file with what `packed` has. kCorrupt: it is no gzip file, or not a whole one.
Result<Fd> UnpackGzip(BorrowedFd packed);

// Makes `path`.gz, as one step, and takes `path` away. Killed at any point, it loses nothing and
// leaves nothing else behind. A `path` that is gone is fine.
Result<> PackFile(const std::string& path);

}  // namespace hoy::core
