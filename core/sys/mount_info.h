#pragma once
// What the kernel says of the mounts of this process: /proc/self/mountinfo, proc(5).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

struct MountInfo {
  std::string mount_point;
  bool shared = false;  // in a peer group: what is mounted on one member shows on the others
  bool slave = false;   // receives what is mounted on its master, and gives nothing back
};

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string UnescapeMountPath(std::string_view text);

// The line of that mount ID in the text of a mountinfo file.
std::optional<MountInfo> FindMount(std::string_view mountinfo, uint64_t mount_id);

// The mount that an open file lies on. nullopt: not one of ours to see.
Result<std::optional<MountInfo>> MountOf(BorrowedFd file);

}  // namespace hoy::core
