#pragma once
// Files on hoy's own side (DATA, RUN, /proc, /sys). Paths inside a container or a layer go through
// in_root.h instead: nothing that an image or a container controls is opened by a plain host path.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::core {

constexpr BorrowedFd kCwd(-100);  // AT_FDCWD

Result<Fd> OpenAt(BorrowedFd directory, const std::string& path, int flags, mode_t mode = 0);
Result<Fd> OpenDirectory(const std::string& path);

// The whole file. `limit` guards against a hostile or damaged one (kCorrupt when exceeded).
Result<std::string> ReadFile(const std::string& path, size_t limit = 16 << 20);
// One of /proc or of a cgroup that is less than a page, which the kernel gives whole to one read.
Result<std::string> ReadKernelFile(const std::string& path);
Result<std::string> ReadFileAt(BorrowedFd directory, const std::string& path,
                               size_t limit = 16 << 20);
Result<std::string> ReadAll(BorrowedFd fd, std::string_view subject, size_t limit = 16 << 20);

// Writes all of `bytes`, going on after short writes and EINTR.
Result<> WriteAll(BorrowedFd fd, std::string_view bytes, std::string_view subject);
// One write(2) to an existing file: what /proc and cgroup files want.
Result<> WriteControlFile(const std::string& path, std::string_view value);

enum class Durability {
  kVolatile,  // may be lost or emptied by a power cut: what a reboot makes worthless anyway
  kDurable,   // file and directory are synced before the call returns
};

// Replaces `path` as one step: O_EXCL temp beside it, write, (fsync), rename, (fsync of directory).
// Readers see the old bytes or the new ones. The temp is named ".tmp-<pid>-<n>" and is flocked by
// its writer; one whose flock is free belongs to the dead (see RemoveStaleTemps).
Result<> WriteFileAtomically(const std::string& path, std::string_view bytes, Durability durability,
                             mode_t mode = 0600);
void RemoveStaleTemps(const std::string& directory);

// For a file that a person has named by a flag, as the error says: "--pidfile '/x/y': ...". A file
// is replaced as above, volatile and 0644; a device, a pipe, or what a link leads to is written to.
Result<> WriteNamedFile(std::string_view flag, const std::string& path, std::string_view bytes);
// Whether that can be, as far as can be seen: it is no directory, and the one it is in is there and
// writable.
Result<> CheckNamedFile(std::string_view flag, const std::string& path);

// mkdir -p; existing directories are left as they are.
Result<> MakeDirectories(const std::string& path, mode_t mode = 0755);
Result<> MakeDirectory(const std::string& path, mode_t mode);  // kAlreadyExists when it is there
Result<> SyncDirectory(const std::string& path);

// rm -rf that never leaves the tree (O_NOFOLLOW, by descriptor), works on trees of any depth, and
// counts "already gone" as success.
Result<> RemoveTree(const std::string& path);
Result<> RemoveTreeAt(BorrowedFd directory, const std::string& name);
Result<> Unlink(const std::string& path);  // a missing file is success

// Names in a directory, without "." and "..", sorted. A missing directory is empty.
Result<std::vector<std::string>> ListDirectory(const std::string& path);
bool Exists(const std::string& path);  // lstat; any error counts as missing

// flock(2) on a directory or file. Locks go with the descriptor.
enum class LockMode { kShared, kExclusive };
Result<> LockFile(BorrowedFd fd, LockMode mode, std::string_view subject);  // waits
Result<bool> TryLockFile(BorrowedFd fd, LockMode mode);                     // false: held elsewhere

}  // namespace hoy::core
