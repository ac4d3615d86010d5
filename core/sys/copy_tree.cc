#include "core/sys/copy_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>

#include "core/sys/copy_file.h"
#include "core/sys/in_root.h"
#include "core/sys/kernel_files.h"
#include "core/sys/temp_file.h"

namespace hoy::core {
namespace {

constexpr size_t kMostListed = 100;
constexpr mode_t kPlainBits = 01777;

std::string ProcPath(BorrowedFd fd) {
  return fmt::format("/proc/self/fd/{}", fd.get());
}

class TreeCopier {
 public:
  TreeCopier(BorrowedFd target_root, const CopyOptions& options)
      : target_root_(target_root), options_(options) {}

  Result<CopiedTree> Run(BorrowedFd source, const std::string& source_name,
                         const std::string& target_name) {
    TRY(CheckStorage(source, source_name));
    TRY(CopyNamed(source, source_name, target_root_, target_name, target_name));
    while (!stack_.empty()) {
      Level& level = *stack_.back();
      errno = 0;
      const dirent* entry = level.stays_empty ? nullptr : readdir(level.names.get());
      if (entry == nullptr) {
        if (errno != 0) return FailErrno("read", level.path);
        TRY(Leave(level));
        continue;
      }
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      TRY(CopyNamed(level.source, name, level.target, name, level.path + "/" + name));
    }
    return std::move(result_);
  }

 private:
  struct Level {
    std::string path;  // from the target's root, for messages and hard links
    Fd source;
    Fd target;
    struct stat status{};  // of the source
    bool made = false;
    bool stays_empty = false;  // it belongs to the kernel
    std::unique_ptr<DIR, int (*)(DIR*)> names{nullptr, &closedir};
  };

  using Identity = std::pair<dev_t, ino_t>;

  static Error IntoItself() {
    return MakeError(ErrorKind::kConflict, "a directory cannot be copied into itself");
  }

  // Whether `directory` is, or lies in, the one that is wanted.
  static Result<bool> LiesIn(BorrowedFd directory, const Identity& wanted) {
    Fd at(fcntl(directory.get(), F_DUPFD_CLOEXEC, 0));
    for (std::optional<Identity> last; at;) {
      struct stat status{};
      if (fstat(at.get(), &status) != 0) return FailErrno("stat", "");
      Identity own{status.st_dev, status.st_ino};
      if (own == wanted) return true;
      if (own == last) return false;  // the root
      last = own;
      at.reset(openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    return FailErrno("open", "");
  }

  Result<> CheckStorage(BorrowedFd source, const std::string& name) {
    if (options_.storage.get() < 0) return {};
    struct stat storage{};
    if (fstat(options_.storage.get(), &storage) != 0) return FailErrno("stat", "storage");
    storage_ = {storage.st_dev, storage.st_ino};
    constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd directory(openat(source.get(), name.c_str(), kFlags));
    struct stat top{};
    if (!directory || fstat(directory.get(), &top) != 0) return {};  // no directory: it ends
    TRY(bool holds, LiesIn(options_.storage, {top.st_dev, top.st_ino}));
    TRY(bool is_held, LiesIn(directory, *storage_));
    if (holds || is_held) return Fail(IntoItself());
    return {};
  }

  Result<> CopyNamed(BorrowedFd source, const std::string& name, BorrowedFd target,
                     const std::string& new_name, const std::string& path) {
    TRY_CONTEXT(Copy(source, name, target, new_name, path), "copy '{}'", path);
    return {};
  }

  Result<> Copy(BorrowedFd source, const std::string& name, BorrowedFd target,
                const std::string& new_name, const std::string& path) {
    // What is looked at is what is read: nobody can put another thing in its place.
    Fd handle(openat(source.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!handle || fstat(handle.get(), &status) != 0) {
      if (errno == ENOENT && !stack_.empty()) return {};  // removed since it was listed
      return FailErrno("open", "");
    }
    const bool is_other =
        options_.source_type != 0 && (status.st_mode & S_IFMT) != options_.source_type;
    if (stack_.empty() && is_other) {
      return Fail(ErrorKind::kConflict, "something else took its place meanwhile");
    }
    if (S_ISSOCK(status.st_mode)) return LeaveOut(path, "a socket");
    if ((S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) && !options_.devices) {
      return LeaveOut(path, "a device");
    }
    struct stat there{};
    bool exists = fstatat(target.get(), new_name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (!exists && errno != ENOENT) return FailErrno("stat", "");
    if (exists && S_ISDIR(there.st_mode) != S_ISDIR(status.st_mode)) {
      return S_ISDIR(status.st_mode)
                 ? Fail(ErrorKind::kConflict, "a directory cannot replace what is no directory")
                 : Fail(ErrorKind::kConflict, "it would replace a directory");
    }
    if (exists && there.st_dev == status.st_dev && there.st_ino == status.st_ino) {
      return Fail(ErrorKind::kConflict, "source and target are the same");
    }
    if (S_ISDIR(status.st_mode)) return Enter(handle, status, target, new_name, path, exists);
    if (status.st_nlink > 1) {
      TRY(bool linked, LinkKnown(status, target, new_name, path));
      if (linked) return {};
    }
    if (S_ISREG(status.st_mode)) return CopyFile(handle, status, target, new_name, path, exists);
    return CopySpecial(handle, status, target, new_name, exists);
  }

  Result<> LeaveOut(const std::string& path, std::string_view what) {
    if (result_.left_out.size() < kMostListed) {
      result_.left_out.push_back(fmt::format("{}: {}", path, what));
    }
    return {};
  }

  Result<> Enter(BorrowedFd handle, const struct stat& status, BorrowedFd target,
                 const std::string& name, const std::string& path, bool exists) {
    auto level = std::make_unique<Level>();
    level->path = path;
    level->status = status;
    if (!exists) {
      if (mkdirat(target.get(), name.c_str(), 0700) != 0) return FailErrno("create directory", "");
      level->made = true;
    }
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    level->target.reset(openat(target.get(), name.c_str(), kFlags));
    if (!level->target) return FailErrno("open", "");
    struct stat made{};
    if (fstat(level->target.get(), &made) != 0) return FailErrno("stat", "");
    if (stack_.empty()) top_ = {made.st_dev, made.st_ino};
    Identity entered{status.st_dev, status.st_ino};
    if (entered == storage_ || (!stack_.empty() && entered == top_)) return Fail(IntoItself());
    level->source.reset(openat(handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int own = openat(handle.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own >= 0) level->names.reset(fdopendir(own));
    if (!level->source || !level->names) {
      int error = errno;
      if (own >= 0 && !level->names) close(own);
      return FailErrno("open", "", error);
    }
    if (!stack_.empty()) {
      level->stays_empty = EntersKernelFilesystem(stack_.back()->source, level->source);
    }
    stack_.push_back(std::move(level));
    return {};
  }

  // Its attributes come last: a read-only directory is filled first, and its time stays.
  Result<> Leave(Level& level) {
    Result<> set;
    if (level.made || options_.archive) {
      set = SetAttributes(level.source, level.target, level.status);
    }
    std::string path = std::move(level.path);
    stack_.pop_back();
    TRY_CONTEXT(std::move(set), "copy '{}'", path);
    return {};
  }

  Result<> SetAttributes(BorrowedFd from, BorrowedFd to, const struct stat& status) const {
    if (options_.archive && fchown(to.get(), status.st_uid, status.st_gid) != 0) {
      return FailErrno("change owner", "");
    }
    mode_t mode = status.st_mode & (options_.archive ? mode_t{07777} : kPlainBits);
    if (fchmod(to.get(), mode) != 0) return FailErrno("change mode", "");
    CopyXattrs(ProcPath(from), ProcPath(to),
               options_.archive ? AttributeSet::kAll : AttributeSet::kUser);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (futimens(to.get(), times) != 0) return FailErrno("set times", "");
    return {};
  }

  Result<> CopyFile(BorrowedFd handle, const struct stat& status, BorrowedFd target,
                    const std::string& name, const std::string& path, bool exists) {
    Fd from(open(ProcPath(handle).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!from) return FailErrno("open", "");
    TRY(TempFile temp, TempFile::Make(target));
    TRY(CopyData(from, temp.fd(), status, path));
    TRY(SetAttributes(from, temp.fd(), status));
    int error = temp.Publish(name, exists);
    if (error == 0) return {};
    // Something is mounted on it: a volume that is one file, or hoy's own /etc/hosts.
    if (!exists || error != EBUSY) return FailErrno("replace", "", error);
    Fd to(openat(target.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat there{};
    if (!to || fstat(to.get(), &there) != 0) return FailErrno("open", "");
    if (!S_ISREG(there.st_mode)) return Fail(ErrorKind::kConflict, "it is no regular file");
    to.reset(open(ProcPath(to).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    if (!to) return FailErrno("open", "");
    return CopyData(from, to, status, path);
  }

  Result<> CopyData(BorrowedFd from, BorrowedFd to, const struct stat& status,
                    const std::string& path) {
    TRY(CopiedData copied, CopyFileData(from, to, status.st_size, options_.cancelled));
    result_.bytes += copied.bytes;
    if (copied.torn && result_.torn.size() < kMostListed) result_.torn.push_back(path);
    return {};
  }

  Result<> CopySpecial(BorrowedFd handle, const struct stat& status, BorrowedFd target,
                       const std::string& name, bool exists) {
    if (exists && unlinkat(target.get(), name.c_str(), 0) != 0) return FailErrno("replace", "");
    if (S_ISLNK(status.st_mode)) {
      char text[PATH_MAX];
      ssize_t length = readlinkat(handle.get(), "", text, sizeof text - 1);
      if (length < 0) return FailErrno("read link", "");
      text[length] = '\0';
      if (symlinkat(text, target.get(), name.c_str()) != 0) return FailErrno("create symlink", "");
    } else if (mknodat(target.get(), name.c_str(), (status.st_mode & S_IFMT) | 0600,
                       status.st_rdev) != 0) {
      return FailErrno("create node", "");
    }
    constexpr int kNoFollow = AT_SYMLINK_NOFOLLOW;
    if (options_.archive &&
        fchownat(target.get(), name.c_str(), status.st_uid, status.st_gid, kNoFollow) != 0) {
      return FailErrno("change owner", "");
    }
    if (!S_ISLNK(status.st_mode)) {
      // Through a descriptor, so that nothing that took its place is followed.
      Fd node(openat(target.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat made{};
      if (!node || fstat(node.get(), &made) != 0) return FailErrno("open", "");
      if (!S_ISLNK(made.st_mode) &&
          chmod(ProcPath(node).c_str(), status.st_mode & kPlainBits) != 0) {
        return FailErrno("change mode", "");
      }
    }
    const timespec times[2] = {status.st_atim, status.st_mtim};
    if (utimensat(target.get(), name.c_str(), times, kNoFollow) != 0) {
      return FailErrno("set times", "");
    }
    return {};
  }

  // Of several names of one file the first is copied, the others become links to that copy.
  Result<bool> LinkKnown(const struct stat& status, BorrowedFd target, const std::string& name,
                         const std::string& path) {
    auto [known, added] = links_.try_emplace({status.st_dev, status.st_ino}, path);
    if (added) return false;
    auto place = FindPlaceInRoot(target_root_, known->second, false);
    if (!place || !place->exists) return false;
    int error = LinkAs(place->parent, place->name, target, name, 0);
    if (error == EBUSY) return FailErrno("link", "", error);
    return error == 0;  // across a mount, or too many links: a copy of its own
  }

  BorrowedFd target_root_;
  const CopyOptions& options_;
  std::vector<std::unique_ptr<Level>> stack_;
  Identity top_;
  std::optional<Identity> storage_;
  std::map<Identity, std::string> links_;
  CopiedTree result_;
};

}  // namespace

Result<CopiedTree> CopyTree(BorrowedFd source, const std::string& source_name, BorrowedFd target,
                            const std::string& target_name, const CopyOptions& options) {
  return TreeCopier(target, options).Run(source, source_name, target_name);
}

}  // namespace hoy::core
