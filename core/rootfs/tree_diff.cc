#include "core/rootfs/tree_diff.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/sys/files.h"
#include "core/sys/overlay_marks.h"

namespace hoy::core {
namespace {

Fd OpenChild(BorrowedFd parent, const std::string& name) {
  return Fd(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// A name in a merged directory: which of its layers shows it, and what it is there.
struct Child {
  size_t layer = 0;
  struct stat status{};
};

// One side of a comparison: the directories that a directory is merged of, topmost first.
struct MergedDirectory {
  std::vector<Fd> layers;
  std::map<std::string, Child> children;

  Result<> ReadChildren(const std::string& path) {
    std::set<std::string> hidden;
    for (size_t layer = 0; layer < layers.size(); ++layer) {
      int own = openat(layers[layer].get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (own < 0) return FailErrno("open", path);
      std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own), &closedir);
      if (!stream) {
        close(own);
        return FailErrno("read", path);
      }
      while (const dirent* entry = readdir(stream.get())) {
        std::string name = entry->d_name;
        if (name == "." || name == ".." || hidden.contains(name)) continue;
        Child child{.layer = layer};
        if (fstatat(layers[layer].get(), name.c_str(), &child.status, AT_SYMLINK_NOFOLLOW) != 0) {
          if (errno == ENOENT) continue;  // a running container goes on
          return FailErrno("stat", path + "/" + name);
        }
        if (!IsWhiteout(child.status)) {
          children.try_emplace(std::move(name), child);
        } else if (!children.contains(name)) {
          hidden.insert(std::move(name));
        }
      }
    }
    return {};
  }

  // The directory `name`, seen from `first` downwards.
  MergedDirectory Enter(const std::string& name, size_t first) const {
    MergedDirectory inner;
    for (size_t layer = first; layer < layers.size(); ++layer) {
      Fd child = OpenChild(layers[layer], name);
      if (!child && errno == ENOENT) continue;
      if (!child) break;  // a file or a whiteout, which hides what is below it
      bool opaque = IsOpaque(child);
      inner.layers.push_back(std::move(child));
      if (opaque) break;
    }
    return inner;
  }

  bool SameDirectories(const MergedDirectory& other) const {
    if (layers.size() != other.layers.size()) return false;
    for (size_t i = 0; i < layers.size(); ++i) {
      struct stat a{};
      struct stat b{};
      if (fstat(layers[i].get(), &a) != 0 || fstat(other.layers[i].get(), &b) != 0) return false;
      if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) return false;
    }
    return true;
  }
};

bool SameTime(const timespec& a, const timespec& b) {
  // What an archive brought has whole seconds.
  return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || a.tv_nsec == 0 || b.tv_nsec == 0);
}

std::string LinkTarget(BorrowedFd parent, const std::string& name) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(parent.get(), name.c_str(), target, sizeof target);
  return {target, static_cast<size_t>(length < 0 ? 0 : length)};
}

bool SameEntry(const MergedDirectory& before, const Child& a, const MergedDirectory& after,
               const Child& b, const std::string& name) {
  const struct stat& x = a.status;
  const struct stat& y = b.status;
  if (x.st_dev == y.st_dev && x.st_ino == y.st_ino) return true;
  if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid) return false;
  if (S_ISLNK(x.st_mode)) {
    return LinkTarget(before.layers[a.layer], name) == LinkTarget(after.layers[b.layer], name);
  }
  if (S_ISCHR(x.st_mode) || S_ISBLK(x.st_mode)) return x.st_rdev == y.st_rdev;
  if (S_ISREG(x.st_mode) && x.st_size != y.st_size) return false;
  return SameTime(x.st_mtim, y.st_mtim);
}

class Comparer {
 public:
  Result<std::vector<FileChange>> Run(MergedDirectory before, MergedDirectory after) {
    TRY(Enter("", std::move(before), std::move(after), std::nullopt));
    while (!stack_.empty()) {
      Frame& frame = *stack_.back();
      if (frame.next == frame.names.end()) {
        Leave();
        continue;
      }
      const std::string& name = *frame.next++;
      TRY(Compare(frame, name));
    }
    return std::move(changes_);
  }

 private:
  // A directory that is being compared. Its own line, where it has one so far, is only kept when
  // it is a change of its own or something in it is.
  struct Frame {
    std::string path;
    MergedDirectory before;
    MergedDirectory after;
    std::set<std::string> names;
    std::set<std::string>::const_iterator next;
    std::optional<size_t> tentative;  // index of its line
  };

  Result<> Enter(std::string path, MergedDirectory before, MergedDirectory after,
                 std::optional<size_t> tentative) {
    auto frame = std::make_unique<Frame>();
    frame->path = std::move(path);
    frame->before = std::move(before);
    frame->after = std::move(after);
    frame->tentative = tentative;
    if (!frame->before.SameDirectories(frame->after)) {
      TRY(frame->before.ReadChildren(frame->path));
      TRY(frame->after.ReadChildren(frame->path));
      for (const auto& [name, child] : frame->before.children) frame->names.insert(name);
      for (const auto& [name, child] : frame->after.children) frame->names.insert(name);
    }
    frame->next = frame->names.begin();
    stack_.push_back(std::move(frame));
    return {};
  }

  void Leave() {
    std::optional<size_t> tentative = stack_.back()->tentative;
    stack_.pop_back();
    if (tentative && *tentative + 1 == changes_.size()) changes_.pop_back();
  }

  Result<> Compare(Frame& frame, const std::string& name) {
    std::string path = frame.path + "/" + name;
    auto old = frame.before.children.find(name);
    auto now = frame.after.children.find(name);
    if (now == frame.after.children.end()) {
      changes_.push_back({FileChangeKind::kDeleted, std::move(path)});
      return {};
    }
    bool added = old == frame.before.children.end();
    bool same = !added && SameEntry(frame.before, old->second, frame.after, now->second, name);
    bool is_directory = S_ISDIR(now->second.status.st_mode);
    if (same && !is_directory) return {};
    changes_.push_back({added ? FileChangeKind::kAdded : FileChangeKind::kChanged, path});
    if (!is_directory) return {};
    MergedDirectory before;
    if (!added && S_ISDIR(old->second.status.st_mode)) {
      before = frame.before.Enter(name, old->second.layer);
    }
    std::optional<size_t> tentative;
    if (same) tentative = changes_.size() - 1;
    return Enter(std::move(path), std::move(before), frame.after.Enter(name, now->second.layer),
                 tentative);
  }

  std::vector<std::unique_ptr<Frame>> stack_;
  std::vector<FileChange> changes_;
};

Result<MergedDirectory> OpenTrees(const std::vector<std::string>& paths) {
  MergedDirectory tree;
  for (const std::string& path : paths) {
    TRY(Fd directory, OpenDirectory(path));
    tree.layers.push_back(std::move(directory));
  }
  return tree;
}

}  // namespace

Result<std::vector<FileChange>> CompareTrees(const std::vector<std::string>& before,
                                             const std::vector<std::string>& after) {
  TRY(MergedDirectory old, OpenTrees(before));
  TRY(MergedDirectory now, OpenTrees(after));
  return Comparer().Run(std::move(old), std::move(now));
}

}  // namespace hoy::core
