// RemoveTree and RemoveTreeAt of files.h. A container can nest its directories without end, so the
// walk neither recurses nor holds a descriptor per level: it keeps the innermost directories open,
// and comes back to the others through "..".

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

// A directory that is opened again is also read from its start again; real trees are not that deep.
constexpr size_t kMostOpenDirectories = 64;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

struct Level {
  std::string name;  // in the directory above
  dev_t device = 0;
  ino_t inode = 0;
  DirectoryStream stream;  // null while it is closed
};

// False: a directory with something in it. What is gone already counts as removed.
Result<bool> RemoveFileOrEmptyDirectory(BorrowedFd directory, const char* name) {
  if (unlinkat(directory.get(), name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return FailErrno("remove", name);
  if (unlinkat(directory.get(), name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno != ENOTEMPTY && errno != EEXIST) return FailErrno("remove", name);
  return false;
}

Result<Level> OpenLevel(BorrowedFd directory, std::string_view name) {
  Level level{.name = std::string(name)};
  TRY(Fd fd, OpenAt(directory, level.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return FailErrno("stat", name);
  level.device = status.st_dev;
  level.inode = status.st_ino;
  level.stream.reset(fdopendir(fd.get()));
  if (!level.stream) return FailErrno("open directory", name);
  (void)fd.release();
  return level;
}

class TreeRemoval {
 public:
  explicit TreeRemoval(BorrowedFd top) : top_(top) {}

  Result<> Run(const std::string& name) {
    TRY(RemoveOrEnter(top_, name.c_str()));
    while (!levels_.empty()) {
      DIR* stream = levels_.back().stream.get();
      if (dirent* entry = readdir(stream); entry == nullptr) {
        TRY(Leave());
      } else if (std::string_view(entry->d_name) != "." &&
                 std::string_view(entry->d_name) != "..") {
        TRY(RemoveOrEnter(dirfd(stream), entry->d_name));
      }
    }
    return {};
  }

 private:
  Result<> RemoveOrEnter(BorrowedFd directory, const char* name) {
    TRY(bool removed, RemoveFileOrEmptyDirectory(directory, name));
    if (removed) return {};
    TRY(Level level, OpenLevel(directory, name));
    levels_.push_back(std::move(level));
    if (levels_.size() > kMostOpenDirectories) {
      levels_[levels_.size() - 1 - kMostOpenDirectories].stream.reset();
    }
    return {};
  }

  // From the innermost directory, which is empty now, to the one above.
  Result<> Leave() {
    if (levels_.size() > 1) TRY(Reopen(levels_[levels_.size() - 2]));
    Level done = std::move(levels_.back());
    levels_.pop_back();
    BorrowedFd above = levels_.empty() ? top_ : BorrowedFd(dirfd(levels_.back().stream.get()));
    if (unlinkat(above.get(), done.name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return FailErrno("remove", done.name);
  }

  // Somebody may have moved the innermost directory out of the tree: then ".." is elsewhere.
  Result<> Reopen(Level& above) {
    if (above.stream) return {};
    TRY(Level found, OpenLevel(dirfd(levels_.back().stream.get()), ".."));
    if (found.device != above.device || found.inode != above.inode) {
      return Fail(ErrorKind::kConflict, "remove '{}': it was moved away meanwhile",
                  levels_.back().name);
    }
    above.stream = std::move(found.stream);
    return {};
  }

  BorrowedFd top_;
  std::vector<Level> levels_;  // outermost first
};

}  // namespace

Result<> RemoveTreeAt(BorrowedFd directory, const std::string& name) {
  return TreeRemoval(directory).Run(name);
}

Result<> RemoveTree(const std::string& path) {
  return RemoveTreeAt(kCwd, path);
}

}  // namespace hoy::core
