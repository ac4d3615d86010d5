#include "core/init/container_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>

namespace hoy::core {
namespace {

// The directory that a path is in, and its last component, which no *at call below follows.
class Place {
 public:
  explicit Place(const char* path) {
    const char* slash = strrchr(path, '/');
    name_ = slash == nullptr ? path : slash + 1;
    auto length = slash == nullptr ? 0 : static_cast<size_t>(slash - path);
    if (length >= sizeof parent_) {
      errno = ENAMETOOLONG;
      return;
    }
    memcpy(parent_, path, length);
    parent_[length] = '\0';
    if (length == 0) memcpy(parent_, "/", 2);
    directory_ = OpenContainerPath(parent_, O_PATH | O_DIRECTORY);
  }
  ~Place() {
    if (directory_ < 0) return;
    int saved = errno;
    close(directory_);
    errno = saved;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool found() const { return directory_ >= 0; }
  int directory() const { return directory_; }
  const char* parent() const { return parent_; }
  const char* name() const { return name_; }

 private:
  char parent_[PATH_MAX] = {};
  const char* name_ = nullptr;
  int directory_ = -1;
};

// What hoy itself has mounted a moment ago; that it is no symlink was seen then.
bool IsInOurMount(const char* path) {
  for (const char* mount : {"/dev/", "/sys/fs/cgroup/"}) {
    size_t length = strlen(mount);
    if (strncmp(path, mount, length) == 0 && strchr(path + length, '/') == nullptr) return true;
  }
  return false;
}

// The dangling links that a path may lead through; an image has one, or made a riddle.
constexpr int kMostLinks = 8;

int MakeDirectories(const char* path, mode_t mode, int links);

// `make` is done at the place, where the directory that it is in is made first if it is missing.
template <typename Make>
int MakeAt(const char* path, int links, const Make& make) {
  if (IsInOurMount(path)) return make(AT_FDCWD, path);
  for (bool again : {false, true}) {
    Place place(path);
    if (place.found()) return make(place.directory(), place.name());
    if (errno != ENOENT || again || MakeDirectories(place.parent(), 0755, links) != 0) break;
  }
  return -1;
}

// What a link leads to, as an absolute path. EINVAL: it is none.
class LinkTarget {
 public:
  explicit LinkTarget(const char* path) {
    Place place(path);
    if (!place.found()) return;
    ssize_t count = readlinkat(place.directory(), place.name(), link_, sizeof link_ - 1);
    if (count < 0) return;
    while (count > 1 && link_[count - 1] == '/') --count;
    link_[count] = '\0';
    bool is_absolute = link_[0] == '/';
    size_t above = is_absolute ? 0 : strlen(place.parent());
    if (above + 1 + static_cast<size_t>(count) >= sizeof path_) {
      errno = ENAMETOOLONG;
      return;
    }
    memcpy(path_, place.parent(), above);
    if (!is_absolute) path_[above++] = '/';
    memcpy(path_ + above, link_, static_cast<size_t>(count) + 1);
  }

  const char* path() const { return path_[0] != '\0' ? path_ : nullptr; }

 private:
  char link_[PATH_MAX] = {};
  char path_[PATH_MAX] = {};
};

// In a directory that is there; ENOENT: it is not.
int MakeOneDirectory(const char* path, mode_t mode, int links) {
  if (IsInOurMount(path)) return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -1;
  {
    Place place(path);
    if (!place.found()) return -1;
    if (mkdirat(place.directory(), place.name(), mode) == 0) return 0;
    if (errno != EEXIST) return -1;
    // mkdir(2) takes a link that leads nowhere for something that is there already. A file in the
    // way is told apart by whoever uses the directory next.
    if (faccessat(place.directory(), place.name(), F_OK, 0) == 0 || errno != ENOENT) return 0;
  }
  if (links == 0) {
    errno = ELOOP;
    return -1;
  }
  LinkTarget target(path);
  return target.path() != nullptr ? MakeDirectories(target.path(), mode, links - 1) : -1;
}

// From the top: a path may be as deep as it is long, and the stack is small.
int MakeDirectories(const char* path, mode_t mode, int links) {
  if (path[0] == '\0' || strcmp(path, "/") == 0) return 0;
  if (MakeOneDirectory(path, mode, links) == 0) return 0;
  if (errno != ENOENT) return -1;
  char above[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof above) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(above, path, length + 1);
  for (size_t end = 1; end < length; ++end) {
    if (path[end] != '/' || path[end - 1] == '/') continue;
    above[end] = '\0';
    if (MakeOneDirectory(above, 0755, links) != 0) return -1;
    above[end] = '/';
  }
  return MakeOneDirectory(path, mode, links);
}

int TouchFile(const char* path, mode_t mode, int links) {
  if (access(path, F_OK) == 0) return 0;  // opening it to write would copy it up
  constexpr uint64_t kFlags = O_CREAT | O_WRONLY | O_NOCTTY | O_NONBLOCK;
  int fd = OpenContainerPath(path, kFlags, mode);
  if (fd < 0 && errno == ENOENT) {
    if (MakeAt(path, links, [](int, const char*) { return 0; }) != 0) return -1;
    fd = OpenContainerPath(path, kFlags, mode);
  }
  if (fd < 0 && errno == ENOENT && links > 0) {
    // A link, and what it leads to is in a directory that is missing.
    LinkTarget target(path);
    return target.path() != nullptr ? TouchFile(target.path(), mode, links - 1) : -1;
  }
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

}  // namespace

int OpenContainerPath(const char* path, uint64_t flags, mode_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  auto fd = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
  if (fd >= 0 || errno != ENOSYS) return fd;
  return open(path, static_cast<int>(how.flags), mode);
}

int MakeContainerDirectories(const char* path, mode_t mode) {
  return MakeDirectories(path, mode, kMostLinks);
}

int TouchContainerFile(const char* path, mode_t mode) {
  return TouchFile(path, mode, kMostLinks);
}

int MakeContainerNode(const char* path, mode_t mode, dev_t device, uid_t uid, gid_t gid) {
  return MakeAt(path, kMostLinks, [&](int directory, const char* name) {
    mode_t old_mask = umask(0);
    int result = mknodat(directory, name, mode, device);
    umask(old_mask);
    if (result != 0) return -1;
    if (uid == 0 && gid == 0) return 0;
    return fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  });
}

int RemoveContainerFile(const char* path) {
  Place place(path);
  if (place.found() && unlinkat(place.directory(), place.name(), 0) == 0) return 0;
  return errno == ENOENT ? 0 : -1;
}

int MakeContainerLink(const char* target, const char* path) {
  return MakeAt(path, kMostLinks, [&](int directory, const char* name) {
    return symlinkat(target, directory, name) == 0 || errno == EEXIST ? 0 : -1;
  });
}

}  // namespace hoy::core
