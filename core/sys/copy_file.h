#pragma once
// The pieces of CopyTree that concern one file.

#include <sys/stat.h>

#include <cstdint>
#include <functional>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

// The bytes from offset 0 to `size`, holes as holes (lseek(2), SEEK_DATA), inside the kernel where
// it can (copy_file_range(2)). kCancelled when `cancelled` says so.
struct CopiedData {
  uint64_t bytes = 0;  // that were moved
  bool torn = false;   // it shrank meanwhile: what was copied is short, or has holes
};
Result<CopiedData> CopyFileData(BorrowedFd from, BorrowedFd to, int64_t size,
                                const std::function<bool()>& cancelled);

enum class AttributeSet {
  kUser,  // user.*
  kAll,   // ACLs, file capabilities and trusted.* as well, but for what overlayfs keeps there
};
// By paths of our own in /proc/self/fd; nothing is followed. What the target cannot store is left.
void CopyXattrs(const std::string& from, const std::string& to, AttributeSet which);

}  // namespace hoy::core
