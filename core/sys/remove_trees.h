#pragma once
// Deleting what is large: the files of whole layers.
//
// All the time is the kernel's. On ext4 most of an unlink goes into giving the blocks back, and
// where the file system discards them at once (mount option discard, no journal) each waits for the
// disk. So several threads work on one tree: they share its processors, and wait side by side.
//
// The trees are gone when this returns, and so is their room on the disk: whoever removes an image
// does it to have that room, and may look at df, unmount the disk or end the job right after. A
// process that deletes them later would break all three.

#include <string>
#include <vector>

#include "core/base/result.h"

namespace hoy::core {

// As RemoveTree of each, in no order. The first error is returned; the rest is deleted all the
// same.
Result<> RemoveTrees(const std::vector<std::string>& paths);

}  // namespace hoy::core
