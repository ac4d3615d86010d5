#include "oci/layer/layer_applier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <limits>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/in_root.h"
#include "core/sys/overlay_marks.h"
#include "oci/layer/directory_cache.h"
#include "oci/layer/entry_path.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/xattr_rules.h"

namespace hoy::oci {
namespace {

using Components = std::vector<std::string_view>;

constexpr mode_t kSpecialBits = S_ISUID | S_ISGID | S_ISVTX;
constexpr size_t kMaxNeedsBytes = DirectoryCache::kMaxMadeBytes;

// umask(2) cannot be read without being set, which other threads would see.
mode_t ReadUmask() {
  auto status = core::ReadFile("/proc/self/status");
  if (!status) return 0777;  // unknown: every mode is then set explicitly
  constexpr std::string_view kField = "\nUmask:\t";
  size_t at = status->find(kField);
  if (at == std::string::npos) return 0777;
  return static_cast<mode_t>(strtoul(status->c_str() + at + kField.size(), nullptr, 8));
}

uint64_t FreeBytes(BorrowedFd directory) {
  struct statvfs status{};
  if (fstatvfs(directory.get(), &status) != 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{status.f_bavail} * status.f_frsize;
}

enum class Purpose { kLayer, kExtract };

class Applier {
 public:
  Applier(Purpose purpose, BorrowedFd target, const ApplyOptions& options, ReadAhead& source)
      : purpose_(purpose),
        target_(target),
        max_bytes_(options.max_unpacked_bytes),
        plain_tree_(options.plain_tree),
        free_bytes_(FreeBytes(target)),
        umask_(ReadUmask()),
        source_(source),
        tar_(source),
        directories_(target) {}

  Result<AppliedLayer> Run() {
    TRY(directories_.Open());
    directories_.made().insert("");
    TarEntry entry;
    while (true) {
      TRY(bool more, tar_.Next(entry));
      if (!more) break;
      ++result_.entries;
      TRY_CONTEXT(Apply(entry), "{} '{}'", purpose_ == Purpose::kLayer ? "layer entry" : "entry",
                  Printable(entry.name));
    }
    TRY(tar_.Drain());
    TRY(directories_.Close());
    result_.diff_id = source_.diff_id();
    result_.tar_bytes = source_.total_bytes();
    for (const std::string& path : directories_.made()) {
      result_.needs.directories.push_back(path);
    }
    return std::move(result_);
  }

 private:
  Result<> Apply(const TarEntry& entry) {
    TRY(Components path, SplitEntryPath(entry.name));
    if (plain_tree_) {
      for (std::string_view component : path) TRY(CheckIsNoWhiteout(component));
    }
    EntryRole role = EntryRole::kFile;
    if (purpose_ == Purpose::kLayer) {
      TRY(role, RoleOf(path));
    }
    if (role == EntryRole::kIgnored) return {};
    if (path.empty()) return purpose_ == Purpose::kLayer ? ApplyRoot(entry) : Result<>{};
    Components parent(path.begin(), path.end() - 1);
    TRY(directories_.Enter(parent));
    if (needs_bytes_ + directories_.made_bytes() > kMaxNeedsBytes) {
      return Fail(ErrorKind::kCorrupt, "the layer refers too often to files of other layers");
    }
    switch (role) {
      case EntryRole::kOpaque: return MarkOpaque(directories_.current());
      case EntryRole::kWhiteout: return MakeWhiteout(std::string(WhiteoutName(path.back())));
      default: break;
    }
    std::string name(path.back());
    if (entry.is_hard_link) return MakeHardLink(entry, path, name);
    switch (entry.type) {
      case S_IFREG: return MakeFile(entry, parent, name);
      case S_IFDIR: return MakeDirectory(entry, parent, name, JoinPath(path));
      case S_IFLNK: return MakeSymlink(entry, parent, name);
      case S_IFCHR:
      case S_IFBLK:
      case S_IFIFO: return MakeNode(entry, parent, name);
      default: return Fail(ErrorKind::kCorrupt, "the type is unknown");
    }
  }

  Result<> ApplyRoot(const TarEntry& entry) {
    if (entry.type != S_IFDIR || entry.is_hard_link) {
      return Fail(ErrorKind::kCorrupt, "the root is not a directory");
    }
    TRY(directories_.Enter({}));
    directories_.made().erase("");
    int fd = directories_.current().get();
    if (fchown(fd, entry.uid, entry.gid) != 0) return FailErrno("change owner", "/");
    if (fchmod(fd, entry.mode) != 0) return FailErrno("change mode", "/");
    TRY(SetXattrs(entry, fd));
    directories_.SetRootTime(entry.mtime);
    return {};
  }

  // What stands where an entry wants to be. The current directory stays the same one.
  Result<> RemoveExisting(const Components& parent, const std::string& name, mode_t type) {
    if (purpose_ == Purpose::kExtract && S_ISDIR(type)) {
      return Fail(ErrorKind::kConflict, "it would replace a directory");
    }
    TRY(core::RemoveTreeAt(directories_.current(), name));
    link_parent_.reset();
    if (!S_ISDIR(type) && !S_ISLNK(type)) return {};
    TRY(directories_.ForgetAliases());
    return directories_.Enter(parent);
  }

  Result<> RemoveExisting(const Components& parent, const std::string& name) {
    struct stat status{};
    if (fstatat(directories_.current().get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("stat", "");
    }
    return RemoveExisting(parent, name, status.st_mode);
  }

  Result<> MakeFile(const TarEntry& entry, const Components& parent, const std::string& name) {
    // At once: a hole of terabytes is a file of zeros here, and would take hours to fill the disk.
    TRY(Account(static_cast<uint64_t>(tar_.data_left())));
    directories_.Touch();
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(openat(directories_.current().get(), name.c_str(), kFlags, entry.mode));
    if (!fd && errno == EEXIST) {
      TRY(RemoveExisting(parent, name));
      fd.reset(openat(directories_.current().get(), name.c_str(), kFlags, entry.mode));
    }
    if (!fd) return FailErrno("create", "");
    if (auto written = WriteData(entry, fd); !written) {
      // Nobody removes the rest of what was extracted, and half a file would pass for all of it.
      if (purpose_ == Purpose::kExtract) RemoveHalf(name, fd);
      return written;
    }
    bool owned = NeedsOwner(entry);
    if (owned && fchown(fd.get(), entry.uid, entry.gid) != 0) return FailErrno("change owner", "");
    if ((entry.mode & (umask_ | kSpecialBits)) != 0 && fchmod(fd.get(), entry.mode) != 0) {
      return FailErrno("change mode", "");
    }
    TRY(SetXattrs(entry, fd.get()));
    const timespec times[2] = {entry.mtime, entry.mtime};
    if (futimens(fd.get(), times) != 0) return FailErrno("set times", "");
    return {};
  }

  // Unless somebody has put something else there.
  void RemoveHalf(const std::string& name, BorrowedFd fd) {
    int parent = directories_.current().get();
    struct stat written{};
    struct stat there{};
    bool same = fstat(fd.get(), &written) == 0 &&
                fstatat(parent, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                written.st_ino == there.st_ino && written.st_dev == there.st_dev;
    if (same) (void)unlinkat(parent, name.c_str(), 0);
  }

  Result<> WriteData(const TarEntry& entry, BorrowedFd fd) {
    int64_t end = 0;
    while (true) {
      TRY(TarReader::Block block, tar_.ReadBlock());
      if (block.bytes.empty()) break;
      int64_t at = block.offset;
      while (!block.bytes.empty()) {
        ssize_t count = pwrite(fd.get(), block.bytes.data(), block.bytes.size(), at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return FailErrno("write", "");
        block.bytes = block.bytes.subspan(static_cast<size_t>(count));
        at += count;
      }
      end = at;
    }
    if (end < entry.size && ftruncate(fd.get(), entry.size) != 0) return FailErrno("truncate", "");
    return {};
  }

  Result<> Account(uint64_t bytes) {
    result_.file_bytes += bytes;
    if (max_bytes_ != 0 && result_.file_bytes > max_bytes_) {
      return Fail(ErrorKind::kCorrupt, "the layer unpacks to more than {} bytes", max_bytes_);
    }
    if (result_.file_bytes > free_bytes_) return FailErrno("write", "", ENOSPC);
    return {};
  }

  Result<> MakeDirectory(const TarEntry& entry, const Components& parent, const std::string& name,
                         const std::string& path) {
    directories_.Touch();
    bool opaque = false;
    bool existed = false;
    int code = mkdirat(directories_.current().get(), name.c_str(), entry.mode);
    if (code != 0 && errno == EEXIST) {
      struct stat status{};
      if (fstatat(directories_.current().get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return FailErrno("stat", "");
      }
      if (S_ISDIR(status.st_mode)) {
        existed = true;
        code = 0;
      } else {
        if (purpose_ == Purpose::kExtract) {
          return Fail(ErrorKind::kConflict, "a directory cannot replace what is no directory");
        }
        // Whited out by this layer: the directory is a new one and hides the old one's files.
        opaque = core::IsWhiteout(status);
        TRY(RemoveExisting(parent, name, status.st_mode));
        code = mkdirat(directories_.current().get(), name.c_str(), entry.mode);
      }
    }
    if (code != 0) return FailErrno("create directory", "");
    directories_.made().erase(path);
    Fd fd;
    if (opaque || !entry.xattrs.empty()) {
      fd.reset(openat(directories_.current().get(), name.c_str(),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!fd) return FailErrno("open", "");
    }
    if (opaque) TRY(MarkOpaque(fd));
    bool explicit_mode =
        existed || directories_.current_has_setgid() || (entry.mode & (umask_ | kSpecialBits)) != 0;
    return SetAttributes(entry, name, existed, explicit_mode, fd.get());
  }

  Result<> MakeSymlink(const TarEntry& entry, const Components& parent, const std::string& name) {
    const std::string& target = entry.link_target;
    directories_.Touch();
    int code = symlinkat(target.c_str(), directories_.current().get(), name.c_str());
    if (code != 0 && errno == EEXIST) {
      TRY(RemoveExisting(parent, name));
      code = symlinkat(target.c_str(), directories_.current().get(), name.c_str());
    }
    if (code != 0) return FailErrno("create symlink", "");
    return SetAttributes(entry, name, false, false, -1);
  }

  Result<> MakeNode(const TarEntry& entry, const Components& parent, const std::string& name) {
    directories_.Touch();
    mode_t mode = entry.type | entry.mode;
    int code = mknodat(directories_.current().get(), name.c_str(), mode, entry.device);
    if (code != 0 && errno == EEXIST) {
      TRY(RemoveExisting(parent, name));
      code = mknodat(directories_.current().get(), name.c_str(), mode, entry.device);
    }
    if (code != 0) return FailErrno("create device", "");
    return SetAttributes(entry, name, false, true, -1);
  }

  // Owner, mode, attributes and times of what is no regular file, in the order that keeps them all
  // (chown drops setuid bits and capabilities).
  Result<> SetAttributes(const TarEntry& entry, const std::string& name, bool existed,
                         bool explicit_mode, int fd) {
    int parent = directories_.current().get();
    if ((existed || NeedsOwner(entry)) &&
        fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("change owner", "");
    }
    if (explicit_mode) {
      // In a running container a symlink may have taken its place meanwhile.
      Fd node(openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat made{};
      if (!node || fstat(node.get(), &made) != 0) return FailErrno("open", "");
      if (S_ISLNK(made.st_mode) ||
          chmod(fmt::format("/proc/self/fd/{}", node.get()).c_str(), entry.mode) != 0) {
        return FailErrno("change mode", "", S_ISLNK(made.st_mode) ? ELOOP : errno);
      }
    }
    if (!entry.xattrs.empty()) {
      if (fd >= 0) {
        TRY(SetXattrs(entry, fd));
      } else {
        TRY(SetXattrsByName(entry, fmt::format("/proc/self/fd/{}/{}", parent, name)));
      }
    }
    const timespec times[2] = {entry.mtime, entry.mtime};
    if (utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("set times", "");
    }
    return {};
  }

  Result<> MakeHardLink(const TarEntry& entry, const Components& path, const std::string& name) {
    TRY_CONTEXT_SET(Components target, SplitEntryPath(entry.link_target), "hard link to '{}'",
                    Printable(entry.link_target));
    if (target.empty()) return Fail(ErrorKind::kCorrupt, "it is a hard link to the root");
    if (target == path) return {};
    directories_.Touch();
    Components parent(path.begin(), path.end() - 1);
    int code = LinkTo(target, name);
    if (code == EEXIST) {
      TRY(RemoveExisting(parent, name));
      code = LinkTo(target, name);
    }
    if (code == 0) return {};
    if (purpose_ == Purpose::kLayer && (code == ENOENT || code == ENOTDIR)) {
      // It lives in a layer below, perhaps: FinishLayer will know.
      TRY(core::RemoveTreeAt(directories_.current(), name));
      LowerNeeds::HardLink link{.path = JoinPath(path), .target = JoinPath(target)};
      needs_bytes_ += link.path.size() + link.target.size() + sizeof link;
      result_.needs.links.push_back(std::move(link));
      return {};
    }
    if (code == EPERM) {
      return Fail(ErrorKind::kCorrupt, "it is a hard link to the directory '{}'",
                  Printable(entry.link_target));
    }
    return FailErrno("link to", Printable(entry.link_target), code);
  }

  // Links `target`, which is not followed when it is a symlink itself, as `name`. An errno.
  int LinkTo(const Components& target, const std::string& name) {
    std::string parent = JoinPath(Components(target.begin(), target.end() - 1));
    if (!link_parent_ || parent != link_parent_path_) {
      auto fd = core::OpenInRoot(target_, parent, O_PATH | O_DIRECTORY);
      if (!fd) return fd.error().system_errno;
      link_parent_ = *std::move(fd);
      link_parent_path_ = std::move(parent);
    }
    std::string last(target.back());
    int code =
        linkat(link_parent_.get(), last.c_str(), directories_.current().get(), name.c_str(), 0);
    return code == 0 ? 0 : errno;
  }

  Result<> MakeWhiteout(const std::string& name) {
    directories_.Touch();
    int parent = directories_.current().get();
    if (mknodat(parent, name.c_str(), S_IFCHR, 0) == 0) return {};
    if (errno != EEXIST) return FailErrno("create whiteout", "");
    // The layer has the name itself. A file hides what is below anyway; a directory must be told.
    Fd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return fd ? MarkOpaque(fd) : Result<>{};
  }

  static Result<> MarkOpaque(BorrowedFd directory) {
    if (core::MarkOpaque(directory)) return {};
    return FailErrno("mark opaque", "");
  }

  bool NeedsOwner(const TarEntry& entry) const {
    return entry.uid != 0 || entry.gid != 0 || directories_.current_has_setgid();
  }

  static Result<> SetXattrs(const TarEntry& entry, int fd) {
    return ForEachXattr(entry, [&](const char* name, const std::string& value) {
      return fsetxattr(fd, name, value.data(), value.size(), 0);
    });
  }
  static Result<> SetXattrsByName(const TarEntry& entry, const std::string& path) {
    return ForEachXattr(entry, [&](const char* name, const std::string& value) {
      return lsetxattr(path.c_str(), name, value.data(), value.size(), 0);
    });
  }
  template <typename Set>
  static Result<> ForEachXattr(const TarEntry& entry, Set set) {
    for (const auto& [name, value] : entry.xattrs) {
      if (!IsXattrKept(name) || set(name.c_str(), value) == 0) continue;
      if (!IsXattrErrorPassed(name, errno)) return FailErrno("set attribute", Printable(name));
    }
    return {};
  }

  Purpose purpose_;
  BorrowedFd target_;
  uint64_t max_bytes_;
  bool plain_tree_;
  uint64_t free_bytes_;
  mode_t umask_;
  ReadAhead& source_;
  TarReader tar_;
  DirectoryCache directories_;
  std::string link_parent_path_;
  Fd link_parent_;
  size_t needs_bytes_ = 0;
  AppliedLayer result_;
};

}  // namespace

Result<AppliedLayer> ApplyLayer(ByteSource& layer, BorrowedFd target, const ApplyOptions& options) {
  ReadAhead source(layer, options.plain_digest);
  auto applied = Applier(Purpose::kLayer, target, options, source).Run();
  if (!applied &&
      (applied.error().system_errno == ENOSPC || applied.error().system_errno == EDQUOT)) {
    return Fail(std::move(applied).error().WithHint(
        "the layer needs more space than the file system of hoy's data has left"));
  }
  return applied;
}

Result<AppliedLayer> ExtractTar(ByteSource& tar, BorrowedFd target) {
  ReadAhead source(tar);
  return Applier(Purpose::kExtract, target, {}, source).Run();
}

}  // namespace hoy::oci
