#pragma once
// The file-system steps of an InitPlan. As interpreter.h: no allocation, errno tells, -1 is
// failure. After kPivotRoot every path is a plain path of the container: the host is no longer
// reachable.

#include <sys/types.h>

#include <cstdint>

#include "core/init/plan_view.h"

namespace hoy::core {

// open_tree(2), detached clone; Linux 5.2. `inside` may be null, or a path inside the directory
// `path`, out of which no ".." and no symlink leads: openat2(2), Linux 5.6. `owners` may be null,
// or the file of a user namespace through which the tree's top mount is seen: mount_setattr(2),
// MOUNT_ATTR_IDMAP, Linux 5.12.
int OpenTree(const char* path, const char* inside, const char* owners, uint64_t flags);
int MountOverlay(const PlanView& plan, const Step& step);
int PivotRoot(const char* new_root);
// `no_follow`: the last component must not be a symlink (an image that has /proc as one).
int MountFilesystem(const char* type, const char* source, const char* target, const char* data,
                    uint64_t flags, bool no_follow);
struct TreeChange {
  uint64_t attributes;      // MOUNT_ATTR_* for the tree and all below it
  uint64_t top_attributes;  // for its top alone
  uint64_t propagation;  // MS_PRIVATE, MS_SLAVE or MS_SHARED; with MS_REC also below it; 0: as is
};
// Attaches a detached tree; a missing target is made to fit (directory or file). Without
// mount_setattr(2), Linux 5.12, the attributes of the mounts below stay what they are.
int MoveTree(int tree, const char* target, const TreeChange& change);
int MaskPath(const char* path);
int MakePathReadOnly(const char* path);
int MakeDirectoriesInPlace(const char* path, mode_t mode);
int CopyAttributes(const char* from, const char* to);  // owner, mode and times
int MakeNode(const char* path, mode_t mode, dev_t device, uid_t uid, gid_t gid);
int TouchFile(const char* path, mode_t mode);
int WriteWholeFile(const char* path, const char* content);
int BindConsole(int terminal);

}  // namespace hoy::core
