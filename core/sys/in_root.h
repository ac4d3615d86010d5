#pragma once
// Paths inside a root that somebody hostile may control (a layer, an upper directory, a container).
// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, Linux 5.6; where a seccomp filter or an
// old kernel refuses it (ENOSYS, EPERM), a component-by-component walk with the same rules.

#include <sys/stat.h>
#include <sys/types.h>

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

// Opens `path` as a process chrooted into `root` would: "..", absolute paths and absolute symlinks
// stay inside. `flags` as for open(2); O_CLOEXEC is added; O_CREAT is allowed.
Result<Fd> OpenInRoot(BorrowedFd root, const std::string& path, int flags, mode_t mode = 0);

// mkdir -p inside the root, following symlinks inside it. Returns an O_PATH descriptor of the last
// directory. Existing components keep their mode and owner.
Result<Fd> MakeDirectoriesInRoot(BorrowedFd root, const std::string& path, mode_t mode = 0755,
                                 uid_t owner = 0, gid_t group = 0);

// For tests: use the walk even where openat2 works.
void ForceInRootFallback(bool force);

// Where a path leads: the open directory that holds its last component, and what is there. Parents
// are resolved inside `root`; a last component that is a symlink is followed inside `root` as well
// when `follow` or a slash at the path's end says so. `name` is "." for the root and for "..".
struct PlaceInRoot {
  Fd parent;         // O_PATH
  std::string name;  // one component
  bool exists = false;
  struct stat status{};  // when it exists
};
// A missing last component is a place, too; a missing parent is an error (ENOENT).
Result<PlaceInRoot> FindPlaceInRoot(BorrowedFd root, const std::string& path, bool follow);

}  // namespace hoy::core
