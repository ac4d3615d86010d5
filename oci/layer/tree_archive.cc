#include "oci/layer/tree_archive.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <set>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/kernel_files.h"
#include "core/sys/overlay_marks.h"
#include "oci/layer/entry_path.h"
#include "oci/layer/xattr_rules.h"

namespace hoy::oci {
namespace {

constexpr size_t kMostTorn = 100;
constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kXattrBytes = 64 << 10;  // XATTR_SIZE_MAX, XATTR_LIST_MAX

// Where a file of this size has data (lseek(2), SEEK_DATA). All of it, where the file system does
// not tell, or where it is in more pieces than a reader may want to hold.
SparseMap MapOf(BorrowedFd file, int64_t size) {
  constexpr size_t kMostExtents = 4096;
  const SparseMap whole = {{0, size}};
  SparseMap map;
  for (int64_t at = 0; at < size;) {
    int64_t data = lseek(file.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole follows
    int64_t hole = data < 0 ? -1 : lseek(file.get(), data, SEEK_HOLE);
    if (hole < 0 || map.size() == kMostExtents) return whole;
    if (data >= size) break;  // it has grown
    map.push_back({data, std::min(hole, size) - data});
    at = hole;
  }
  return map;
}

Fd OpenChild(BorrowedFd parent, const std::string& name) {
  return Fd(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

struct Child {
  size_t layer = 0;  // index of its directory
  struct stat status{};
  bool whiteout = false;
};

// A directory that is being written: the directories that it is merged of, and what is left to do.
struct Frame {
  std::string prefix;  // "a/b/", empty for the root
  std::vector<Fd> layers;
  std::map<std::string, Child> children;
  std::map<std::string, Child>::const_iterator next;
};

class Archiver {
 public:
  Archiver(const TreeArchiveOptions& options, TarWriter& tar) : options_(options), tar_(tar) {}

  Result<ArchivedTree> Run(const std::vector<std::string>& trees) {
    std::vector<Fd> roots;
    for (const std::string& tree : trees) {
      TRY(Fd root, core::OpenDirectory(tree));
      roots.push_back(std::move(root));
    }
    TRY(Enter("", std::move(roots)));
    TRY(WriteStack());
    return std::move(result_);
  }

  Result<ArchivedTree> RunOne(BorrowedFd parent, const std::string& name, const std::string& as) {
    Fd own(openat(parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Child child;
    if (!own || fstatat(own.get(), name.c_str(), &child.status, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("open", Printable(name));
    }
    top_name_ = as;
    auto frame = std::make_unique<Frame>();
    frame->layers.push_back(std::move(own));
    frame->children.emplace(name, child);
    frame->next = frame->children.begin();
    stack_.push_back(std::move(frame));
    TRY(WriteStack());
    return std::move(result_);
  }

 private:
  Result<> WriteStack() {
    while (!stack_.empty()) {
      Frame& frame = *stack_.back();
      if (frame.next == frame.children.end()) {
        stack_.pop_back();
        continue;
      }
      const auto& [name, child] = *frame.next++;
      TRY_CONTEXT(Write(frame, name, child), "'{}'", Printable(frame.prefix + name));
    }
    return {};
  }

  Result<> Enter(std::string prefix, std::vector<Fd> layers) {
    auto frame = std::make_unique<Frame>();
    frame->prefix = std::move(prefix);
    frame->layers = std::move(layers);
    std::set<std::string> hidden;
    for (size_t layer = 0; layer < frame->layers.size(); ++layer) {
      TRY(ReadNames(*frame, layer, hidden));
    }
    frame->next = frame->children.begin();
    stack_.push_back(std::move(frame));
    return {};
  }

  Result<> ReadNames(Frame& frame, size_t layer, std::set<std::string>& hidden) const {
    int fd = frame.layers[layer].get();
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0) return FailErrno("open", frame.prefix);
    std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(own), &closedir);
    if (!directory) {
      close(own);
      return FailErrno("read", frame.prefix);
    }
    while (const dirent* entry = readdir(directory.get())) {
      std::string name = entry->d_name;
      if (name == "." || name == ".." || hidden.contains(name)) continue;
      Child child{.layer = layer};
      if (fstatat(fd, name.c_str(), &child.status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return FailErrno("stat", Printable(name));
      }
      if (core::IsWhiteout(child.status)) {
        if (!frame.children.contains(name)) hidden.insert(name);
        if (!options_.whiteouts) continue;
        child.whiteout = true;
      }
      frame.children.try_emplace(std::move(name), child);
    }
    return {};
  }

  // What the child directory is merged of.
  static std::vector<Fd> LayersOf(const Frame& frame, const std::string& name, size_t first) {
    std::vector<Fd> layers;
    for (size_t layer = first; layer < frame.layers.size(); ++layer) {
      Fd child = OpenChild(frame.layers[layer], name);
      if (!child && errno == ENOENT) continue;
      if (!child) break;  // a file or a whiteout, which hides what is below it
      bool opaque = core::IsOpaque(child);
      layers.push_back(std::move(child));
      if (opaque) break;
    }
    return layers;
  }

  Result<> Write(Frame& frame, const std::string& name, const Child& child) {
    std::string path = stack_.size() == 1 && !top_name_.empty() ? top_name_ : frame.prefix + name;
    BorrowedFd parent = frame.layers[child.layer];
    if (options_.whiteouts) TRY(CheckIsNoWhiteout(name));
    if (child.whiteout) {
      return tar_.Begin({.name = frame.prefix + ".wh." + name, .type = S_IFREG});
    }
    const struct stat& status = child.status;
    if (S_ISDIR(status.st_mode)) return WriteDirectory(frame, name, child, path);
    if (S_ISSOCK(status.st_mode)) return {};
    if (options_.skip_empty && S_ISREG(status.st_mode) && status.st_size == 0 &&
        options_.skip_empty(path)) {
      return {};
    }
    TarEntry entry = EntryOf(path, status);
    if (status.st_nlink > 1) {
      auto [known, added] = links_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!added) {
        entry.link_target = known->second;
        entry.is_hard_link = true;
        entry.type = S_IFREG;
        return tar_.Begin(entry);
      }
    }
    if (S_ISREG(status.st_mode)) return WriteFile(parent, name, std::move(entry));
    if (S_ISLNK(status.st_mode)) {
      char target[PATH_MAX];
      ssize_t length = readlinkat(parent.get(), name.c_str(), target, sizeof target);
      if (length < 0) return errno == ENOENT ? Result<>{} : FailErrno("read link", "");
      entry.link_target.assign(target, static_cast<size_t>(length));
    }
    TRY(ReadXattrs(fmt::format("/proc/self/fd/{}/{}", parent.get(), name), entry));
    return tar_.Begin(entry);
  }

  Result<> WriteDirectory(Frame& frame, const std::string& name, const Child& child,
                          const std::string& path) {
    std::vector<Fd> layers = LayersOf(frame, name, child.layer);
    if (layers.empty()) return {};  // it has just gone
    TarEntry entry = EntryOf(path, child.status);
    TRY(ReadXattrs(fmt::format("/proc/self/fd/{}", layers.front().get()), entry));
    bool opaque = options_.whiteouts && core::IsOpaque(layers.front());
    // Of proc and its like there is the mount point only.
    if (core::EntersKernelFilesystem(frame.layers[child.layer], layers.front())) layers.clear();
    TRY(Enter(path + "/", std::move(layers)));
    if (stack_.back()->children.empty() && options_.skip_empty && options_.skip_empty(path)) {
      stack_.pop_back();
      return {};
    }
    TRY(tar_.Begin(entry));
    if (!opaque) return {};
    return tar_.Begin({.name = path + "/.wh..wh..opq", .type = S_IFREG});
  }

  Result<> WriteFile(BorrowedFd parent, const std::string& name, TarEntry entry) {
    Fd file(openat(parent.get(), name.c_str(),
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return errno == ENOENT ? Result<>{} : FailErrno("open", "");
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return FailErrno("stat", "");
    if (!S_ISREG(status.st_mode)) return {};  // swapped meanwhile
    entry.size = status.st_size;
    TRY(ReadXattrs(fmt::format("/proc/self/fd/{}", file.get()), entry));
    SparseMap map = {{0, entry.size}};
    if (status.st_size - status.st_blocks * 512 >= options_.holes_kept_from) {
      map = MapOf(file, entry.size);
    }
    bool has_holes = map.size() != 1 || map[0].length != entry.size;
    TRY(has_holes ? tar_.BeginSparse(entry, map) : tar_.Begin(entry));
    bool torn = false;
    for (const SparseExtent& extent : map) {
      TRY(bool whole, WriteData(file, extent));
      torn = torn || !whole;
    }
    if (torn && result_.torn.size() < kMostTorn) result_.torn.push_back(std::move(entry.name));
    return {};
  }

  // False: it has shrunk, and zeros took the place of what should have been there.
  Result<bool> WriteData(BorrowedFd file, const SparseExtent& extent) {
    bool whole = true;
    for (int64_t at = 0; at < extent.length;) {
      size_t wanted = std::min(buffer_.size(), static_cast<size_t>(extent.length - at));
      ssize_t count = pread(file.get(), buffer_.data(), wanted, extent.offset + at);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailErrno("read", "");
      if (count == 0) {
        whole = false;
        std::fill_n(buffer_.begin(), wanted, std::byte{});
        count = static_cast<ssize_t>(wanted);
      }
      TRY(tar_.Write(std::span(buffer_).first(static_cast<size_t>(count))));
      at += count;
    }
    return whole;
  }

  static TarEntry EntryOf(const std::string& path, const struct stat& status) {
    return {.name = path,
            .type = status.st_mode & S_IFMT,
            .mode = status.st_mode & 07777,
            .uid = status.st_uid,
            .gid = status.st_gid,
            .device = status.st_rdev,
            .size = S_ISREG(status.st_mode) ? status.st_size : 0,
            .mtime = status.st_mtim};
  }

  // Of descriptors and of names below one: nothing is followed but our own link in /proc.
  Result<> ReadXattrs(const std::string& path, TarEntry& entry) {
    bool by_name = path.rfind('/') != path.find("/fd/") + 3;
    auto list = by_name ? llistxattr : listxattr;
    auto get = by_name ? lgetxattr : getxattr;
    ssize_t length = list(path.c_str(), names_.data(), names_.size());
    if (length < 0) {
      return errno == ENOTSUP || errno == ENOENT ? Result<>{} : FailErrno("list attributes", "");
    }
    for (std::string_view name :
         Split({names_.data(), static_cast<size_t>(std::max<ssize_t>(length - 1, 0))}, '\0')) {
      if (!IsXattrKept(name)) continue;
      std::string key(name);
      ssize_t size = get(path.c_str(), key.c_str(), value_.data(), value_.size());
      if (size < 0) continue;  // removed meanwhile
      entry.xattrs.emplace_back(std::move(key),
                                std::string(value_.data(), static_cast<size_t>(size)));
    }
    return {};
  }

  TreeArchiveOptions options_;
  TarWriter& tar_;
  ArchivedTree result_;
  std::string top_name_;  // of the one entry that is asked for
  std::vector<std::unique_ptr<Frame>> stack_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kReadBytes);
  std::vector<char> names_ = std::vector<char>(kXattrBytes);
  std::vector<char> value_ = std::vector<char>(kXattrBytes);
};

}  // namespace

Result<ArchivedTree> ArchiveTree(const std::vector<std::string>& trees,
                                 const TreeArchiveOptions& options, TarWriter& tar) {
  return Archiver(options, tar).Run(trees);
}

Result<ArchivedTree> ArchiveEntry(BorrowedFd parent, const std::string& name, const std::string& as,
                                  const TreeArchiveOptions& options, TarWriter& tar) {
  return Archiver(options, tar).RunOne(parent, name, as);
}

}  // namespace hoy::oci
