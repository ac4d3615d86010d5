#include "core/sys/in_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <deque>
#include <vector>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr int kMaxSymlinks = 40;  // as the kernel's own walk (path_resolution(7))

std::atomic<bool> fallback_forced{false};
std::atomic<bool> openat2_missing{false};

int OpenAt2(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  while (true) {
    long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // EAGAIN: something was renamed or mounted during a ".." step; the manual says to try again.
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
  }
}

void PushComponents(std::deque<std::string>& pending, std::string_view path) {
  auto parts = Split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") pending.emplace_front(*part);
  }
}

// The walk: keeps the chain of directories from the root, so ".." cannot leave it.
Result<Fd> Walk(BorrowedFd root, const std::string& path, int flags, mode_t mode) {
  std::vector<Fd> chain;
  chain.emplace_back(fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  std::deque<std::string> pending;
  PushComponents(pending, path);
  int symlinks = 0;
  while (!pending.empty()) {
    std::string name = std::move(pending.front());
    pending.pop_front();
    if (name == "..") {
      if (chain.size() > 1) chain.pop_back();
      continue;
    }
    bool last = pending.empty();
    int parent = chain.back().get();
    Fd entry(openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!entry) {
      if (errno == ENOENT && last && (flags & O_CREAT) != 0) {
        Fd made(openat(parent, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
        if (made) return made;
      }
      return FailErrno("open", path);
    }
    struct stat status{};
    if (fstat(entry.get(), &status) != 0) return FailErrno("stat", path);
    if (S_ISLNK(status.st_mode) && !(last && (flags & O_NOFOLLOW) != 0)) {
      if (++symlinks > kMaxSymlinks) return FailErrno("open", path, ELOOP);
      char target[PATH_MAX];
      ssize_t length = readlinkat(entry.get(), "", target, sizeof target);
      if (length < 0) return FailErrno("read link", path);
      std::string_view text(target, static_cast<size_t>(length));
      if (text.starts_with('/')) chain.resize(1);
      PushComponents(pending, text);
      continue;
    }
    if (last && (flags & O_PATH) == 0) {
      // The name was checked above not to be a symlink to follow; O_NOFOLLOW keeps a swap out.
      Fd opened(openat(parent, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode));
      if (!opened) return FailErrno("open", path);
      return opened;
    }
    if (last) {
      if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(status.st_mode)) {
        return FailErrno("open", path, ENOTDIR);
      }
      return entry;
    }
    if (!S_ISDIR(status.st_mode)) return FailErrno("open", path, ENOTDIR);
    chain.push_back(std::move(entry));
  }
  Fd self(openat(chain.back().get(), ".", (flags & ~(O_CREAT | O_EXCL)) | O_CLOEXEC));
  if (!self) return FailErrno("open", path);
  return self;
}

}  // namespace

void ForceInRootFallback(bool force) {
  fallback_forced = force;
}

Result<Fd> OpenInRoot(BorrowedFd root, const std::string& path, int flags, mode_t mode) {
  if (!fallback_forced && !openat2_missing) {
    int fd = OpenAt2(root.get(), path.empty() ? "." : path, flags, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != ENOSYS && errno != EPERM) return FailErrno("open", path);
    if (errno == ENOSYS) openat2_missing = true;
  }
  return Walk(root, path, flags, mode);
}

Result<Fd> MakeDirectoriesInRoot(BorrowedFd root, const std::string& path, mode_t mode, uid_t owner,
                                 gid_t group) {
  std::string made;
  Fd directory;
  TRY(directory, OpenInRoot(root, "/", O_PATH | O_DIRECTORY));
  for (std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    made.append("/").append(part);
    auto next = OpenInRoot(root, made, O_PATH | O_DIRECTORY);
    if (!next && next.error().system_errno == ENOENT) {
      std::string name(part);
      if (mkdirat(directory.get(), name.c_str(), mode) == 0) {
        if ((owner != 0 || group != 0) &&
            fchownat(directory.get(), name.c_str(), owner, group, AT_SYMLINK_NOFOLLOW) != 0) {
          return FailErrno("change owner", made);
        }
      } else if (errno != EEXIST) {
        return FailErrno("create directory", made);
      }
      next = OpenInRoot(root, made, O_PATH | O_DIRECTORY);
    }
    if (!next) return Fail(std::move(next).error());
    directory = *std::move(next);
  }
  return directory;
}

Result<PlaceInRoot> FindPlaceInRoot(BorrowedFd root, const std::string& path, bool follow) {
  std::string at = path;
  for (int links = 0; links <= kMaxSymlinks; ++links) {
    std::string_view rest = at;
    auto ends_as_directory = [&] {
      return rest.ends_with('/') || rest.ends_with("/.") || rest == ".";
    };
    bool wants_directory = ends_as_directory();
    while (ends_as_directory()) rest.remove_suffix(1);
    size_t begin = rest.rfind('/') + 1;  // 0 when there is none
    PlaceInRoot place;
    place.name = rest.substr(begin);
    if (place.name.empty() || place.name == "..") {
      place.name = ".";
    } else {
      rest = rest.substr(0, begin);
    }
    std::string directory(rest);  // "" is the root
    TRY(place.parent, OpenInRoot(root, directory, O_PATH | O_DIRECTORY));
    int parent = place.parent.get();
    if (fstatat(parent, place.name.c_str(), &place.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return FailErrno("stat", path);
      return place;
    }
    if (!S_ISLNK(place.status.st_mode) || !(follow || wants_directory)) {
      place.exists = true;
      if (wants_directory && !S_ISDIR(place.status.st_mode)) {
        return FailErrno("open", path, ENOTDIR);
      }
      return place;
    }
    char target[PATH_MAX];
    ssize_t length = readlinkat(parent, place.name.c_str(), target, sizeof target);
    if (length < 0) return FailErrno("read link", path);
    std::string_view text(target, static_cast<size_t>(length));
    at = text.starts_with('/') ? std::string() : std::move(directory);
    at.append(text);
    if (wants_directory) at.push_back('/');
  }
  return FailErrno("open", path, ELOOP);
}

}  // namespace hoy::core
