#pragma once
// How overlayfs marks what a layer takes away from those below it (kernel overlayfs.rst, "whiteouts
// and opaque directories"): a character device 0:0 hides the file of its name, and an attribute "y"
// on a directory hides all of that directory below.
//
// Root's overlays read trusted.*, which nobody in a container can set; user.*, which anybody can,
// counts in those of user namespaces only ("userxattr").

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/fd.h"

namespace hoy::core {

inline bool IsWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

inline const char* OpaqueXattr() {
  static const char* const name = geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
  return name;
}

inline bool IsOpaque(BorrowedFd directory) {
  char value = 0;
  return fgetxattr(directory.get(), OpaqueXattr(), &value, 1) == 1 && value == 'y';
}

// False: errno says why not.
inline bool MarkOpaque(BorrowedFd directory) {
  return fsetxattr(directory.get(), OpaqueXattr(), "y", 1, 0) == 0;
}

}  // namespace hoy::core
