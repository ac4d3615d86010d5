#pragma once
// Copies a file or a tree from one open directory to another, either of which may be a hostile
// container's: every name is opened below its directory's descriptor and never followed, devices
// and FIFOs are never opened, and what a name was is asked again once it is open.
//
// Of proc, sysfs and their like, only the mount point is made.
//
// Kept: modes, times, symlinks, hard links within the tree, holes, user.* attributes. Without
// `archive` the new files are the caller's, as cp(1) has it, and lose their set-id bits.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

struct CopyOptions {
  bool archive = false;             // owners, set-id bits, ACLs and file capabilities as well
  bool devices = true;              // make device nodes; otherwise they are left out
  std::function<bool()> cancelled;  // asked between pieces; true: kCancelled
  // Where what is written to the target ends up, when that shows as another directory: the upper
  // directory below an overlay. A source that holds it, or lies in it, would never end.
  BorrowedFd storage = -1;
  // What the source was when the target was chosen (S_IFDIR, ...); 0: whatever it is. A container
  // may put a link in a directory's place: made at the target, it would lead the next copy astray.
  mode_t source_type = 0;
};

struct CopiedTree {
  uint64_t bytes = 0;                 // of regular files, without their holes
  std::vector<std::string> left_out;  // "a/b: a socket"; the first hundred
  std::vector<std::string> torn;      // what shrank while it was read: not whole; as many
};

// `source_name` in `source` becomes `target_name` in `target`; "." is the directory itself. A
// directory that is there already is filled, and keeps its own attributes unless `archive`; a file
// is replaced as one step, and one that something is mounted on is written in place. kConflict: a
// directory would replace something else, or the reverse, or source and target lie in one
// another, or the source is not what it was. What can be told of that beforehand is told before
// anything is copied. Whatever was copied before an error stays; a file is never there by half, and
// one that nobody finished, because we were killed, has no name or is removed by the next copy.
Result<CopiedTree> CopyTree(BorrowedFd source, const std::string& source_name, BorrowedFd target,
                            const std::string& target_name, const CopyOptions& options);

}  // namespace hoy::core
