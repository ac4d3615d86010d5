#include "core/engine/owned_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/sys/files.h"
#include "core/sys/in_root.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

constexpr uint32_t kIds = UINT32_MAX;  // -1 is none

// Holds the namespace until the other end closes.
[[noreturn]] void AwaitEnd(int read_end, int write_end) {
  close(write_end);
  char byte = 0;
  while (read(read_end, &byte, 1) < 0 && errno == EINTR) {
  }
  _exit(0);
}

Result<> WriteMap(pid_t pid, const char* name, const std::string& text) {
  std::string path = fmt::format("/proc/{}/{}", pid, name);
  TRY(Fd file, OpenAt(kCwd, path, O_WRONLY));
  return WriteAll(file, text, path);
}

Result<Fd> OpenSource(const Mount& mount) {
  TRY(Fd source, OpenAt(kCwd, mount.source, O_PATH));
  if (!mount.volume || mount.volume->subpath.empty()) return source;
  return OpenInRoot(source, mount.volume->subpath, O_PATH);
}

bool CanMap(BorrowedFd source, BorrowedFd user_namespace) {
  Fd tree(static_cast<int>(syscall(SYS_open_tree, source.get(), "",
                                   AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return false;
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<uint64_t>(user_namespace.get());
  return mount_setattr(tree.get(), "", AT_EMPTY_PATH, &change, sizeof change) == 0;
}

Result<> ChangeOwner(BorrowedFd directory, const char* name, int flags, Owner from, Owner to) {
  struct stat status{};
  if (fstatat(directory.get(), name, &status, flags | AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<>{} : FailErrno("stat", name);
  }
  uid_t uid = status.st_uid == from.uid ? to.uid : status.st_uid;
  gid_t gid = status.st_gid == from.gid ? to.gid : status.st_gid;
  if (uid == status.st_uid && gid == status.st_gid) return {};
  if (fchownat(directory.get(), name, uid, gid, flags | AT_SYMLINK_NOFOLLOW) != 0 &&
      errno != ENOENT) {
    return FailErrno("chown", name);
  }
  return {};
}

Result<> OwnSource(BorrowedFd source, Owner from, Owner to) {
  struct stat status{};
  if (fstat(source.get(), &status) != 0) return FailErrno("stat", "mount source");
  if (!S_ISDIR(status.st_mode)) return ChangeOwner(source, "", AT_EMPTY_PATH, from, to);
  TRY(Fd directory, OpenAt(source, ".", O_RDONLY | O_DIRECTORY));
  return ChangeOwners(directory, from, to);
}

}  // namespace

std::string SwappedIds(uint32_t one, uint32_t other) {
  auto [low, high] = std::minmax(one, other);
  std::string text;
  auto add = [&](uint32_t inside, uint32_t outside, uint32_t count) {
    if (count > 0) text += fmt::format("{} {} {}\n", inside, outside, count);
  };
  if (low == high) {
    add(0, 0, kIds);
    return text;
  }
  add(0, 0, low);
  add(low, high, 1);
  add(low + 1, low + 1, high - low - 1);
  add(high, low, 1);
  add(high + 1, high + 1, kIds - high - 1);
  return text;
}

Result<Fd> MakeOwnerMap(Owner disk, Owner seen) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe", "owner map");
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  auto pid = static_cast<pid_t>(
      syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) return FailErrno("clone", "owner map");
  if (pid == 0) AwaitEnd(read_end.get(), write_end.get());
  ChildProcess keeper(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
  TRY(WriteMap(pid, "uid_map", SwappedIds(disk.uid, seen.uid)));
  TRY(WriteMap(pid, "gid_map", SwappedIds(disk.gid, seen.gid)));
  return OpenAt(kCwd, fmt::format("/proc/{}/ns/user", pid), O_RDONLY);
}

Result<> ChangeOwners(BorrowedFd directory, Owner from, Owner to) {
  TRY(std::vector<std::string> names,
      ListDirectory(fmt::format("/proc/self/fd/{}", directory.get())));
  for (const std::string& name : names) {
    Fd below(openat(directory.get(), name.c_str(),
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (below) {
      TRY(ChangeOwners(below, from, to));
    } else if (errno == EMFILE) {
      return FailErrno("chown", name);
    } else {
      TRY(ChangeOwner(directory, name.c_str(), 0, from, to));
    }
  }
  return ChangeOwner(directory, "", AT_EMPTY_PATH, from, to);
}

Result<OwnedMounts> OwnedMounts::Prepare(const ContainerConfig& config, Owner user) {
  OwnedMounts owned;
  for (size_t i = 0; i < config.mounts.size(); ++i) {
    const Mount& mount = config.mounts[i];
    if (!mount.owned || mount.kind != MountKind::kBind) continue;
    TRY(Fd source, OpenSource(mount));
    struct stat status{};
    if (fstat(source.get(), &status) != 0) return FailErrno("mount source", mount.source);
    Owner owner{status.st_uid, status.st_gid};
    if (owner.uid == user.uid && owner.gid == user.gid) continue;
    auto map = MakeOwnerMap(owner, user);
    if (map && CanMap(source, *map)) {
      owned.maps_.emplace(i, *std::move(map));
    } else {
      TRY_CONTEXT(OwnSource(source, owner, user), "mount source '{}'", mount.source);
    }
  }
  return owned;
}

std::map<size_t, std::string> OwnedMounts::Files() const {
  std::map<size_t, std::string> files;
  for (const auto& [index, map] : maps_) {
    files[index] = fmt::format("/proc/{}/fd/{}", getpid(), map.get());
  }
  return files;
}

}  // namespace hoy::core
