#pragma once
// File systems whose files are the kernel's answers: there is nothing in them to keep a copy of.

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

#include "core/base/fd.h"

namespace hoy::core {

inline bool IsKernelFilesystem(BorrowedFd directory) {
  constexpr std::array<unsigned long, 9> kMagics = {
      PROC_SUPER_MAGIC, SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC,
      SECURITYFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,      BPF_FS_MAGIC};
  struct statfs filesystem{};
  if (fstatfs(directory.get(), &filesystem) != 0) return false;
  return std::ranges::find(kMagics, static_cast<unsigned long>(filesystem.f_type)) != kMagics.end();
}

// A mount of one, seen from the directory above it.
inline bool EntersKernelFilesystem(BorrowedFd above, BorrowedFd directory) {
  return IsKernelFilesystem(directory) && !IsKernelFilesystem(above);
}

}  // namespace hoy::core
