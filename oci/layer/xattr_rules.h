#pragma once
// Extended attributes of layer files: which come along, and which failures are no failure.

#include <cerrno>
#include <string_view>

namespace hoy::oci {

// Not taken: overlayfs's own, by which a layer could redirect look-ups into other directories, and
// the labels of another machine's policy.
inline bool IsXattrKept(std::string_view name) {
  return !name.starts_with("trusted.overlay.") && !name.starts_with("user.overlay.") &&
         name != "security.selinux";
}

// A file system without extended attributes, or user.* on what is no file or directory (xattr(7)):
// passed over, as docker does. File capabilities are never passed over for want of permission.
inline bool IsXattrErrorPassed(std::string_view name, int system_errno) {
  return system_errno == ENOTSUP || (system_errno == EPERM && name != "security.capability");
}

}  // namespace hoy::oci
