#include "oci/layer/directory_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "core/sys/in_root.h"
#include "core/sys/overlay_marks.h"
#include "oci/layer/entry_path.h"

namespace hoy::oci {
namespace {

// Deeper trees work too, but keep no more descriptors open.
constexpr size_t kMaxLevels = 64;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

Result<> DirectoryCache::Open() {
  TRY(Fd fd, core::OpenAt(root_, ".", O_RDONLY | O_DIRECTORY));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return FailErrno("stat", "/");
  chain_.push_back(
      {.name = {}, .fd = std::move(fd), .mode = status.st_mode, .mtime = status.st_mtim});
  return {};
}

Result<> DirectoryCache::Pop() {
  Level& level = chain_.back();
  if (level.dirty) {
    const timespec times[2] = {level.mtime, level.mtime};
    if (futimens(level.fd.get(), times) != 0) return FailErrno("set times", level.name);
  }
  chain_.pop_back();
  return {};
}

Result<> DirectoryCache::PopTo(size_t depth) {
  while (chain_.size() > depth) TRY(Pop());
  return {};
}

Result<> DirectoryCache::Close() {
  return PopTo(0);
}

Result<> DirectoryCache::ForgetAliases() {
  for (size_t i = 1; i < chain_.size(); ++i) {
    if (chain_[i].alias) return PopTo(i);
  }
  return {};
}

Result<> DirectoryCache::Enter(const std::vector<std::string_view>& components) {
  size_t shared = 0;
  while (shared < components.size() && shared + 1 < chain_.size() &&
         chain_[shared + 1].name == components[shared]) {
    ++shared;
  }
  TRY(PopTo(shared + 1));
  for (size_t i = shared; i < components.size(); ++i) {
    TRY(Push(components, i));
  }
  return {};
}

Result<> DirectoryCache::Push(const std::vector<std::string_view>& components, size_t index) {
  bool alias = false;
  TRY(Fd fd, OpenOrMake(components, index, alias));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0) return FailErrno("stat", components[index]);
  std::string name(components[index]);
  if (chain_.size() > kMaxLevels) {
    name.insert(0, chain_.back().name + "/");
    alias = alias || chain_.back().alias;
    TRY(Pop());
  }
  chain_.push_back({.name = std::move(name),
                    .fd = std::move(fd),
                    .mode = status.st_mode,
                    .mtime = status.st_mtim,
                    .dirty = false,
                    .alias = alias});
  return {};
}

Result<Fd> DirectoryCache::OpenOrMake(const std::vector<std::string_view>& components, size_t index,
                                      bool& alias) {
  std::string name(components[index]);
  int parent = current().get();
  Fd fd(openat(parent, name.c_str(), kOpenDirectory));
  if (fd) return fd;
  std::vector<std::string_view> prefix(components.begin(),
                                       components.begin() + static_cast<ptrdiff_t>(index) + 1);
  std::string path = JoinPath(prefix);
  bool opaque = false;
  if (errno == ENOTDIR || errno == ELOOP) {
    struct stat status{};
    if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailErrno("stat", Printable(path));
    }
    if (S_ISLNK(status.st_mode)) {
      alias = true;
      auto target = core::OpenInRoot(root_, path, O_RDONLY | O_DIRECTORY);
      if (target) return target;
      return Fail(ErrorKind::kCorrupt, "'{}' is a symlink that leads to no directory: {}",
                  Printable(path), ErrnoText(target.error().system_errno));
    }
    if (!core::IsWhiteout(status)) {
      return Fail(ErrorKind::kCorrupt, "'{}' is not a directory", Printable(path));
    }
    // Whited out, then there again: a new directory that hides the old one's files.
    if (unlinkat(parent, name.c_str(), 0) != 0) return FailErrno("remove", Printable(path));
    opaque = true;
  } else if (errno != ENOENT) {
    return FailErrno("open", Printable(path));
  }
  // The paths of one deep name alone grow with the square of its depth.
  size_t cost = path.size() + sizeof(std::string);
  if (cost > kMaxMadeBytes - made_bytes_) {
    return Fail(ErrorKind::kCorrupt, "too many directories have no entry of their own");
  }
  Touch();
  if (mkdirat(parent, name.c_str(), 0755) != 0) {
    return FailErrno("create directory", Printable(path));
  }
  fd.reset(openat(parent, name.c_str(), kOpenDirectory));
  if (!fd) return FailErrno("open", Printable(path));
  // Neither the umask nor a parent's setgid bit shall show.
  if (fchown(fd.get(), 0, 0) != 0) return FailErrno("change owner", Printable(path));
  if (fchmod(fd.get(), 0755) != 0) return FailErrno("change mode", Printable(path));
  if (opaque && !core::MarkOpaque(fd)) return FailErrno("mark opaque", Printable(path));
  made_bytes_ += cost;
  made_.insert(std::move(path));
  return fd;
}

}  // namespace hoy::oci
