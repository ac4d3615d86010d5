#pragma once
// What differs between two directory trees, each a stack of overlay directories (a container over
// its image, one image against another), as `docker diff` tells it. Nothing is mounted, and what
// both stacks are made of is passed over without a look: a container costs what it changed.
//
// Everything in the trees may be hostile: names are opened below their directory's descriptor and
// never followed.

#include <string>
#include <vector>

#include "core/base/result.h"

namespace hoy::core {

enum class FileChangeKind : char { kAdded = 'A', kChanged = 'C', kDeleted = 'D' };

struct FileChange {
  FileChangeKind kind;
  std::string path;  // "/etc/hosts"
};

// Topmost directory first; sorted by path, parents before what they hold. A directory counts as
// changed when something in it is, or when its own mode, owner or times are. Of a deleted directory
// only its own name is listed. Files are the same when they are one inode, or when type, mode,
// owner, size, time and link target are.
Result<std::vector<FileChange>> CompareTrees(const std::vector<std::string>& before,
                                             const std::vector<std::string>& after);

}  // namespace hoy::core
