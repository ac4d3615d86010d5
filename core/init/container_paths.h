#pragma once
// Making things in the container's own file system, after kPivotRoot. Whoever made the image, or
// ran in the container before, chose what its paths lead to. No symlink leads above the new root;
// what does is a magic link (/proc/PID/root, /proc/self/fd/N, symlink(7)), and none is followed
// here: ELOOP. openat2(2), Linux 5.6; before that nothing keeps them from being followed.
//
// As interpreter.h: no allocation, errno tells, -1 is failure. Paths are absolute.

#include <sys/types.h>

#include <cstdint>

namespace hoy::core {

// As open(2), with O_CLOEXEC.
int OpenContainerPath(const char* path, uint64_t flags, mode_t mode = 0);
// Also the ones above it, and those that a link leads to which are missing. What is there already
// stays, whatever it is.
int MakeContainerDirectories(const char* path, mode_t mode);
int TouchContainerFile(const char* path, mode_t mode);
int MakeContainerNode(const char* path, mode_t mode, dev_t device, uid_t uid, gid_t gid);
// Success when there is none, or one already.
int RemoveContainerFile(const char* path);
int MakeContainerLink(const char* target, const char* path);

}  // namespace hoy::core
