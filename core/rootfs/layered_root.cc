#include "core/rootfs/layered_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <climits>
#include <deque>
#include <set>

#include "core/base/text.h"
#include "core/rootfs/mount_source.h"
#include "core/sys/in_root.h"
#include "core/sys/overlay_marks.h"

namespace hoy::core {
namespace {

constexpr int kMaxSymlinks = 40;         // as path_resolution(7)
constexpr size_t kMaxNames = 1'000'000;  // a directory that has more is not worth listing

void PushComponents(std::deque<std::string>& pending, std::string_view path) {
  auto parts = Split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") pending.emplace_front(*part);
  }
}

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

int OpenDirectoryAt(int parent, const char* name) {
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// A regular file opened through its O_PATH descriptor, so that what was checked is what is read.
Result<Fd> OpenRegular(const LayeredRoot::File& file) {
  if (!S_ISREG(file.status.st_mode)) return FailErrno("open", file.path, EINVAL);
  Fd handle;
  int fd = file.parent;
  if (!file.name.empty()) {
    handle.reset(openat(file.parent, file.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!handle) return FailErrno("open", file.path);
    fd = handle.get();
  }
  struct stat status{};
  if (fstat(fd, &status) != 0) return FailErrno("stat", file.path);
  if (!S_ISREG(status.st_mode)) return FailErrno("open", file.path, EINVAL);
  std::string link = "/proc/self/fd/" + std::to_string(fd);
  Fd opened(open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!opened) return FailErrno("open", file.path);
  return opened;
}

// A link of the image's must not put what the user names over the whole root, or in place of what
// the kernel shows there.
Result<> CheckWhereItLeads(const std::string& target, const std::string& reached) {
  bool hides = reached == "/" || reached == "/dev";
  for (std::string_view kernel : {"/proc", "/sys"})
    hides |= reached == kernel || IsBelow(reached, kernel);
  if (!hides || reached == target) return {};
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("mount on '{}': in the container this is a symlink to '{}'",
                                    target, reached))
                  .WithHint("mount it elsewhere"));
}

}  // namespace

Result<LayeredRoot> LayeredRoot::Open(const std::vector<std::string>& directories,
                                      const std::vector<Mount>& mounts, const Layout* layout) {
  LayeredRoot root;
  Directory top;
  top.merged = directories.size() > 1;
  for (const std::string& path : directories) {
    Fd layer(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!layer) return FailErrno("open layer", path);
    top.layers.push_back(std::move(layer));
  }
  root.Remember("", std::move(top));
  for (const Mount& mount : mounts) TRY(root.AddMount(mount, layout));
  return root;
}

// Empty: it is missing. A part of a volume or an image is resolved inside it, as the start will do.
std::vector<Fd> LayeredRoot::OpenSources(const Mount& mount, const Layout* layout) {
  if (mount.image && layout == nullptr) return {};
  std::vector<std::string> directories =
      mount.image ? SourceLayers(*layout, mount) : std::vector{mount.source};
  std::string subpath = SubpathOf(mount);
  std::vector<Fd> sources;
  if (subpath.empty() || directories.size() == 1) {
    for (const std::string& directory : directories) {
      Fd source(open(directory.c_str(), O_PATH | O_CLOEXEC));
      if (!source) return {};
      sources.push_back(std::move(source));
    }
    if (subpath.empty()) return sources;
    auto part = OpenInRoot(sources.front(), subpath, O_PATH);
    sources.clear();
    if (part) sources.push_back(*std::move(part));
    return sources;
  }
  auto inside = Open(directories);
  std::string canonical;
  if (!inside) return {};
  auto entry = inside->Walk(subpath, LastLink::kFollow, canonical);
  if (!entry) return {};
  if (entry->kind == Entry::Kind::kDirectory) return std::move(entry->directory->layers);
  Fd file(openat(entry->file.parent, entry->file.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (file) sources.push_back(std::move(file));
  return sources;
}

Result<> LayeredRoot::AddMount(const Mount& mount, const Layout* layout) {
  auto point = std::make_unique<MountPoint>();
  point->bind = mount.HasSource();
  point->flags = mount.flags;
  if (point->bind) {
    point->sources = OpenSources(mount, layout);
    struct stat status{};
    bool is_missing = point->sources.empty() || fstat(point->sources.front().get(), &status) != 0;
    if (is_missing && !mount.create_source) return {};
    point->is_directory = is_missing || S_ISDIR(status.st_mode);
  }
  // The defaults are at /proc, /dev and /sys, which no image has as links; what the user named may
  // well lead through one (/var/run).
  point->target = mount.target;
  if (mount.from_user) {
    auto entry = Walk(mount.target, LastLink::kFollow, point->target);
    if (!entry.has_value() && entry.error().system_errno != ENOENT) return {};
    TRY(CheckWhereItLeads(mount.target, point->target));
  }
  if (point->target.empty() || point->target == "/") return {};
  auto hidden = [&](const std::string& path) {
    return path == point->target || IsBelow(path, point->target);
  };
  std::erase_if(directories_, [&](const auto& item) { return hidden(item.first); });
  std::erase_if(mounts_, [&](const auto& item) { return hidden(item->target); });
  mounts_.push_back(std::move(point));
  return {};
}

LayeredRoot::MountPoint* LayeredRoot::MountAt(const std::string& path) {
  for (const auto& mount : mounts_) {
    if (mount->target == path) return mount.get();
  }
  return nullptr;
}

bool LayeredRoot::HasMountBelow(const std::string& path) const {
  for (const auto& mount : mounts_) {
    if (IsBelow(mount->target, path)) return true;
  }
  return false;
}

LayeredRoot::Directory* LayeredRoot::Remember(const std::string& path, Directory directory) {
  return (directories_[path] = std::make_unique<Directory>(std::move(directory))).get();
}

Result<LayeredRoot::Entry> LayeredRoot::LookUp(Directory& parent, const std::string& name,
                                               const std::string& path, bool wants_directory) {
  if (auto known = directories_.find(path); known != directories_.end()) {
    return Entry{Entry::Kind::kDirectory, known->second.get(), {}};
  }
  if (MountPoint* mount = MountAt(path); mount != nullptr) {
    Directory directory;
    directory.flags = mount->flags;
    if (mount->bind && !mount->is_directory) {
      Entry entry{Entry::Kind::kFile, nullptr, {}};
      entry.file = {
          .path = path, .flags = mount->flags, .parent = mount->sources.front().get(), .name = {}};
      if (fstat(entry.file.parent, &entry.file.status) != 0) return FailErrno("stat", path);
      return entry;
    }
    if (mount->bind) {
      directory.merged = mount->sources.size() > 1;
      for (const Fd& source : mount->sources) {
        Fd opened(OpenDirectoryAt(source.get(), "."));
        if (!opened) return FailErrno("open", path);
        directory.layers.push_back(std::move(opened));
      }
    }
    return Entry{Entry::Kind::kDirectory, Remember(path, std::move(directory)), {}};
  }

  Directory found;
  found.merged = parent.merged;
  found.flags = parent.flags;
  for (const Fd& layer : parent.layers) {
    Fd opened;
    if (wants_directory || !found.layers.empty()) {
      // Most components are directories, and opening one tells so: no stat.
      opened.reset(OpenDirectoryAt(layer.get(), name.c_str()));
      if (!opened && errno == ENOENT) continue;
      if (!opened && errno != ENOTDIR && errno != ELOOP) return FailErrno("open", path);
    }
    if (!opened) {
      struct stat status{};
      if (fstatat(layer.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return FailErrno("stat", path);
      }
      if (parent.merged && IsWhiteout(status)) break;
      if (!S_ISDIR(status.st_mode)) {
        if (!found.layers.empty()) break;  // a directory above it hides it
        Entry entry{Entry::Kind::kFile, nullptr, {}};
        entry.file = {.path = path,
                      .status = status,
                      .flags = parent.flags,
                      .parent = layer.get(),
                      .name = name,
                      .overlaid = parent.merged};
        return entry;
      }
      opened.reset(OpenDirectoryAt(layer.get(), name.c_str()));
      if (!opened) return FailErrno("open", path);
    }
    // Asked only where there is something below that could be hidden.
    if (parent.merged && !found.layers.empty() && IsOpaque(found.layers.back())) break;
    found.layers.push_back(std::move(opened));
  }
  // A mount's target is created when it is missing, and so are the directories above it.
  if (found.layers.empty() && !HasMountBelow(path)) return Entry{};
  return Entry{Entry::Kind::kDirectory, Remember(path, std::move(found)), {}};
}

Result<LayeredRoot::Entry> LayeredRoot::Walk(std::string_view path, LastLink last,
                                             std::string& canonical) {
  std::deque<std::string> pending;
  PushComponents(pending, path);
  bool wants_directory = path.ends_with('/') || path.ends_with("/.");
  std::string current;
  Entry entry{Entry::Kind::kDirectory, directories_.at("").get(), {}};
  int links = 0;
  while (!pending.empty()) {
    std::string name = std::move(pending.front());
    pending.pop_front();
    if (name == "..") {
      current.resize(current.empty() ? 0 : current.rfind('/'));
      entry = {Entry::Kind::kDirectory, directories_.at(current).get(), {}};
      continue;
    }
    bool is_last = pending.empty();
    std::string child = current + "/" + name;
    Directory& parent = *entry.directory;
    TRY(entry, LookUp(parent, name, child, !is_last || wants_directory));
    if (entry.kind == Entry::Kind::kMissing) {
      canonical = child;
      for (const std::string& rest : pending) canonical += "/" + rest;
      return FailErrno("open", path, ENOENT);
    }
    if (entry.kind == Entry::Kind::kDirectory) {
      current = std::move(child);
      continue;
    }
    bool keep = is_last && last == LastLink::kKeep && !wants_directory;
    if (!S_ISLNK(entry.file.status.st_mode) || keep) {
      if (!is_last || wants_directory) return FailErrno("open", path, ENOTDIR);
      canonical = std::move(child);
      return entry;
    }
    if (++links > kMaxSymlinks) return FailErrno("open", path, ELOOP);
    char target[PATH_MAX];
    ssize_t length = readlinkat(entry.file.parent, entry.file.name.c_str(), target, sizeof target);
    if (length < 0) return FailErrno("read link", child);
    std::string_view text(target, static_cast<size_t>(length));
    if (text.starts_with('/')) current.clear();
    if (is_last && text.ends_with('/')) wants_directory = true;
    PushComponents(pending, text);
    entry = {Entry::Kind::kDirectory, directories_.at(current).get(), {}};
  }
  canonical = current.empty() ? "/" : current;
  return entry;
}

Result<LayeredRoot::File> LayeredRoot::Find(std::string_view path, LastLink last) {
  if (path.empty()) return FailErrno("open", path, ENOENT);
  std::string canonical;
  TRY(auto entry, Walk(path, last, canonical));
  if (entry.kind == Entry::Kind::kFile) return std::move(entry.file);
  const Directory& directory = *entry.directory;
  File file{.path = std::move(canonical), .flags = directory.flags, .overlaid = directory.merged};
  if (directory.layers.empty()) {
    file.status.st_mode = S_IFDIR | 0755;
    return file;
  }
  file.parent = directory.layers.front().get();
  if (fstat(file.parent, &file.status) != 0) return FailErrno("stat", path);
  return file;
}

Result<std::string> LayeredRoot::ReadHead(const File& file, size_t limit) const {
  TRY(Fd fd, OpenRegular(file));
  std::string bytes(limit, '\0');
  size_t filled = 0;
  while (filled < limit) {
    ssize_t got = read(fd.get(), bytes.data() + filled, limit - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("read", file.path);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

Result<std::string> LayeredRoot::Read(const File& file, size_t limit) const {
  auto size = static_cast<size_t>(file.status.st_size);
  // One byte more than it should have tells a file that is larger than it said.
  if (size <= limit) {
    TRY(auto bytes, ReadHead(file, size + 1));
    if (bytes.size() <= size) return bytes;
    if (size < limit) {
      TRY(bytes, ReadHead(file, limit + 1));
      if (bytes.size() <= limit) return bytes;
    }
  }
  return Fail(ErrorKind::kCorrupt, "read '{}': longer than {} bytes", file.path, limit);
}

Result<std::vector<std::string>> LayeredRoot::List(std::string_view path) {
  std::string canonical;
  TRY(auto entry, Walk(path, LastLink::kFollow, canonical));
  if (entry.kind != Entry::Kind::kDirectory) return FailErrno("list", path, ENOTDIR);
  std::set<std::string> names;
  std::set<std::string> gone;
  for (const Fd& layer : entry.directory->layers) {
    int fd = OpenDirectoryAt(layer.get(), ".");
    std::unique_ptr<DIR, int (*)(DIR*)> stream(fd < 0 ? nullptr : fdopendir(fd), closedir);
    if (stream == nullptr) return FailErrno("list", path);
    while (const dirent* item = readdir(stream.get())) {
      std::string name(item->d_name);
      if (name == "." || name == ".." || names.contains(name) || gone.contains(name)) continue;
      struct stat status{};
      bool maybe_whiteout = item->d_type == DT_CHR || item->d_type == DT_UNKNOWN;
      if (entry.directory->merged && maybe_whiteout &&
          fstatat(layer.get(), item->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          IsWhiteout(status)) {
        gone.insert(std::move(name));
      } else if (names.size() < kMaxNames) {
        names.insert(std::move(name));
      }
    }
  }
  std::string prefix = canonical == "/" ? "" : canonical;
  for (const auto& mount : mounts_) {
    if (!IsBelow(mount->target, prefix)) continue;
    std::string_view rest = std::string_view(mount->target).substr(prefix.size() + 1);
    names.emplace(CutAt(rest, '/').before);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

bool LayeredRoot::ForbidsExec(const File& file) const {
  if ((file.flags & MS_NOEXEC) != 0) return true;
  // Layers may lie on a noexec file system: the overlay over them has flags of its own.
  if (file.overlaid || file.parent < 0) return false;
  Fd handle;
  if (!file.name.empty()) {
    handle.reset(openat(file.parent, file.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }
  struct statvfs status{};
  return fstatvfs(handle ? handle.get() : file.parent, &status) == 0 &&
         (status.f_flag & ST_NOEXEC) != 0;
}

}  // namespace hoy::core
