#pragma once
// The file-system steps of an InitPlan. As interpreter.h: no allocation, errno tells, -1 is
// failure. After kPivotRoot every path is one of the container (container_paths.h).

#include <sys/types.h>

#include <cstdint>

#include "core/init/plan_view.h"

namespace hoy::core {

// open_tree(2), detached clone; Linux 5.2. `inside` may be null, or a path inside the directory
// `path`, out of which no ".." and no symlink leads: openat2(2), Linux 5.6. `owners` may be null,
// or the file of a user namespace through which the tree's top mount is seen: mount_setattr(2),
// MOUNT_ATTR_IDMAP, Linux 5.12. `made`: the mount itself, which is nowhere yet, and no clone.
int OpenTree(const char* path, const char* inside, const char* owners, uint64_t flags, bool made);
// A detached clone of the mount at `path` in another mount namespace, from which we come back to
// our own root and working directory. No symbolic link is followed: who lives there might have made
// one. `type`: statfs(2)'s f_type that
// it must have, or 0; EMEDIUMTYPE: it is another.
int OpenTreeIn(int mount_namespace, const char* path, uint64_t type);
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
int CopyAttributes(const char* from, const char* to);  // owner, mode and times
int WriteAndClose(int fd, const char* content);
int WriteWholeFile(const char* path, const char* content);
int BindConsole(int terminal);

}  // namespace hoy::core
