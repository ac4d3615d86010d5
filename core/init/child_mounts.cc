#include "core/init/child_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/init/container_paths.h"

namespace hoy::core {
namespace {

constexpr unsigned kAtRecursive = 0x8000;  // AT_RECURSIVE, <linux/fcntl.h>
constexpr size_t kOptionPage = 4096;       // mount(2): data is at most a page

// A fixed buffer that remembers whether it overflowed.
class OptionText {
 public:
  void Append(const char* text) {
    for (; *text != '\0'; ++text) Put(*text);
  }
  // Overlayfs splits on unescaped ',' and ':' (Documentation/filesystems/overlayfs.rst).
  void AppendPath(const char* path) {
    for (; *path != '\0'; ++path) {
      if (*path == ':' || *path == ',' || *path == '\\') Put('\\');
      Put(*path);
    }
  }
  void AppendNumber(int number) {
    char digits[12];
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (count > 0) Put(digits[--count]);
  }
  bool overflowed() const { return used_ >= sizeof text_; }
  const char* text() {
    text_[used_ < sizeof text_ ? used_ : sizeof text_ - 1] = '\0';
    return text_;
  }

 private:
  void Put(char c) {
    if (used_ < sizeof text_ - 1) text_[used_] = c;
    ++used_;
  }
  char text_[kOptionPage] = {};
  size_t used_ = 0;
};

void AppendUpper(OptionText& options, const PlanView& plan, const Step& step) {
  options.Append(",upperdir=");
  options.AppendPath(plan.text(step.b));
  options.Append(",workdir=");
  options.AppendPath(plan.text(step.c));
}

// "volatile" (Linux 5.10): without it the end of every container writes back all dirty pages of the
// file system that holds the upper directory, whoever's they are. An older kernel says EINVAL.
int MountOverlayWith(OptionText& options, const char* target, bool is_volatile) {
  if (is_volatile) {
    OptionText more = options;
    more.Append(",volatile");
    if (!more.overflowed() && mount("overlay", target, "overlay", 0, more.text()) == 0) return 0;
    if (!more.overflowed() && errno != EINVAL) return -1;
  }
  return mount("overlay", target, "overlay", 0, options.text());
}

int SetAttributes(int tree, unsigned recursive, uint64_t attributes, uint64_t propagation) {
  if (attributes == 0 && propagation == 0) return 0;
  mount_attr change{};
  change.attr_set = attributes;
  change.propagation = propagation;
  return mount_setattr(tree, "", AT_EMPTY_PATH | recursive, &change, sizeof change);
}

int ChangeTree(int tree, const TreeChange& change) {
  constexpr auto kRecursive = static_cast<uint64_t>(MS_REC);
  unsigned recursive = (change.propagation & kRecursive) != 0 ? kAtRecursive : 0;
  if (SetAttributes(tree, kAtRecursive, change.attributes, 0) != 0) return -1;
  if (SetAttributes(tree, 0, change.top_attributes, 0) != 0) return -1;
  return SetAttributes(tree, recursive, 0, change.propagation & ~kRecursive);
}

// Before Linux 5.12: by the path of a mount that is in place already. A remount sets all the flags
// of one mount, so those that the source has are given again; the mounts below keep theirs.
int ChangeMount(const char* path, const TreeChange& change) {
  uint64_t attributes = change.attributes | change.top_attributes;
  if (attributes != 0) {
    struct statfs status{};
    if (statfs(path, &status) != 0) return -1;
    constexpr uint64_t kSame = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    static_assert(MOUNT_ATTR_RDONLY == MS_RDONLY && MOUNT_ATTR_NOSUID == MS_NOSUID &&
                  MOUNT_ATTR_NODEV == MS_NODEV && MOUNT_ATTR_NOEXEC == MS_NOEXEC);
    uint64_t flags =
        (attributes | static_cast<uint64_t>(status.f_flags)) & (kSame | MS_NOATIME | MS_NODIRATIME);
    if ((attributes & MOUNT_ATTR_NOATIME) != 0) flags |= MS_NOATIME;
    if (mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | flags, nullptr) != 0) return -1;
  }
  if (change.propagation == 0) return 0;
  return mount(nullptr, path, nullptr, change.propagation, nullptr);
}

}  // namespace

namespace {

int MapOwners(int tree, const char* owners) {
  int user_namespace = open(owners, O_RDONLY | O_CLOEXEC);
  if (user_namespace < 0) return -1;
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<uint64_t>(user_namespace);
  int result = mount_setattr(tree, "", AT_EMPTY_PATH, &change, sizeof change);
  int saved = errno;
  close(user_namespace);
  errno = saved;
  return result;
}

int CloneTree(const char* path, const char* inside, unsigned open_flags) {
  if (inside == nullptr) return open_tree(AT_FDCWD, path, open_flags);
  int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -1;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  auto found = static_cast<int>(syscall(SYS_openat2, directory, inside, &how, sizeof how));
  int tree = found < 0 ? -1 : open_tree(found, "", open_flags | AT_EMPTY_PATH);
  int saved = errno;
  if (found >= 0) close(found);
  close(directory);
  errno = saved;
  return tree;
}

}  // namespace

int OpenTree(const char* path, const char* inside, const char* owners, uint64_t flags, bool made) {
  if (made) return open(path, O_PATH | O_CLOEXEC);
  unsigned open_flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if ((flags & kAtRecursive) != 0) open_flags |= kAtRecursive;
  int tree = CloneTree(path, inside, open_flags);
  if (tree < 0 || owners == nullptr || MapOwners(tree, owners) == 0) return tree;
  int saved = errno;
  close(tree);
  errno = saved;
  return -1;
}

namespace {

// Where a process is: setns(2) into a mount namespace makes that one's root its root and its
// working directory, and on the way back ours, from which it may have been kept (chroot(2)).
class OwnPlace {
 public:
  OwnPlace()
      : mounts_(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)),
        root_(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)),
        directory_(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  OwnPlace(const OwnPlace&) = delete;
  OwnPlace& operator=(const OwnPlace&) = delete;
  ~OwnPlace() {
    int saved = errno;
    for (int fd : {mounts_, root_, directory_}) {
      if (fd >= 0) close(fd);
    }
    errno = saved;
  }

  bool is_known() const { return mounts_ >= 0 && root_ >= 0 && directory_ >= 0; }
  bool Return() const {
    return setns(mounts_, CLONE_NEWNS) == 0 && fchdir(root_) == 0 && chroot(".") == 0 &&
           fchdir(directory_) == 0;
  }

 private:
  int mounts_;
  int root_;
  int directory_;
};

// In the mount namespace where we are.
int CloneMount(const char* path, uint64_t type) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  auto found = static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
  if (found < 0) return -1;
  int tree = -1;
  struct statfs status{};
  if (type != 0 && (fstatfs(found, &status) != 0 || static_cast<uint64_t>(status.f_type) != type)) {
    errno = EMEDIUMTYPE;
  } else {
    tree = open_tree(found, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  }
  int saved = errno;
  close(found);
  errno = saved;
  return tree;
}

}  // namespace

int OpenTreeIn(int mount_namespace, const char* path, uint64_t type) {
  OwnPlace own;
  if (!own.is_known() || setns(mount_namespace, CLONE_NEWNS) != 0) return -1;
  int tree = CloneMount(path, type);
  int saved = errno;
  if (!own.Return()) _exit(125);  // never go on in what is another's
  errno = saved;
  return tree;
}

// Many layers with long names do not fit a page of options; then they are named through their
// descriptors, which takes 16 bytes each.
int MountOverlay(const PlanView& plan, const Step& step) {
  auto lowers = plan.list(step.d);
  OptionText options;
  options.Append("lowerdir=");
  for (size_t i = 0; i < lowers.size(); ++i) {
    if (i > 0) options.Append(":");
    options.AppendPath(plan.text(lowers[i]));
  }
  if (step.b != 0) AppendUpper(options, plan, step);
  bool is_volatile = step.value != 0;
  if (!options.overflowed()) return MountOverlayWith(options, plan.text(step.a), is_volatile);
  OptionText short_options;
  short_options.Append("lowerdir=");
  int first = -1;
  int last = -1;
  for (size_t i = 0; i < lowers.size(); ++i) {
    int fd = open(plan.text(lowers[i]), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (first < 0) first = fd;
    last = fd;
    short_options.Append(i > 0 ? ":/proc/self/fd/" : "/proc/self/fd/");
    short_options.AppendNumber(fd);
  }
  if (step.b != 0) AppendUpper(short_options, plan, step);
  if (short_options.overflowed()) {
    errno = E2BIG;
    return -1;
  }
  int result = MountOverlayWith(short_options, plan.text(step.a), is_volatile);
  for (int fd = first; fd >= 0 && fd <= last; ++fd) close(fd);
  return result;
}

int PivotRoot(const char* new_root) {
  if (chdir(new_root) != 0) return -1;
  // pivot_root(".", ".") stacks the old root on the new one, pivot_root(2) "NOTES".
  if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  if (umount2(".", MNT_DETACH) != 0) return -1;
  return chdir("/");
}

int MountFilesystem(const char* type, const char* source, const char* target, const char* data,
                    uint64_t flags, bool no_follow) {
  if (no_follow) {
    struct stat status{};
    if (lstat(target, &status) == 0 && S_ISLNK(status.st_mode)) {
      errno = ELOOP;
      return -1;
    }
  }
  if (no_follow) {
    if (mount(source, target, type, flags, data) == 0) return 0;
    if (errno != ENOENT) return -1;
    if (MakeContainerDirectories(target, 0755) != 0) return -1;
    return mount(source, target, type, flags, data);
  }
  // mount(2) takes a path alone: the working directory's cannot lead elsewhere any more.
  int place = OpenContainerPath(target, O_PATH | O_DIRECTORY);
  if (place < 0 && errno == ENOENT && MakeContainerDirectories(target, 0755) == 0) {
    place = OpenContainerPath(target, O_PATH | O_DIRECTORY);
  }
  if (place < 0) return -1;
  bool entered = fchdir(place) == 0;
  close(place);
  if (!entered || mount(source, ".", type, flags, data) != 0) return -1;
  return chdir("/");
}

int MoveTree(int tree, const char* target, const TreeChange& change) {
  bool changed = ChangeTree(tree, change) == 0;
  if (!changed && errno != ENOSYS) return -1;
  int place = OpenContainerPath(target, O_PATH);
  if (place < 0 && errno == ENOENT) {
    struct stat source{};
    if (fstat(tree, &source) != 0) return -1;
    bool directory = S_ISDIR(source.st_mode);
    if (directory ? MakeContainerDirectories(target, 0755) != 0
                  : TouchContainerFile(target, 0644) != 0) {
      return -1;
    }
    place = OpenContainerPath(target, O_PATH);
  }
  if (place < 0) return -1;
  if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    return -1;
  }
  close(place);
  close(tree);
  return changed ? 0 : ChangeMount(target, change);
}

// A directory is covered by an empty read-only tmpfs, a file by /dev/null. Asked first: a bind that
// the kernel has to undo (ENOTDIR) waits for an RCU grace period.
int MaskPath(const char* path) {
  struct stat status{};
  if (stat(path, &status) != 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  if (!S_ISDIR(status.st_mode)) return mount("/dev/null", path, nullptr, MS_BIND, nullptr);
  return mount("tmpfs", path, "tmpfs", MS_RDONLY, "size=0,nr_inodes=1");
}

int MakePathReadOnly(const char* path) {
  if (mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0) return errno == ENOENT ? 0 : -1;
  return mount(nullptr, path, nullptr,
               MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

int CopyAttributes(const char* from, const char* to) {
  struct stat status{};
  if (stat(from, &status) != 0) return -1;
  if (chown(to, status.st_uid, status.st_gid) != 0) return -1;
  if (chmod(to, status.st_mode & 07777) != 0) return -1;
  const timespec times[2] = {status.st_atim, status.st_mtim};
  return utimensat(AT_FDCWD, to, times, 0);
}

int WriteAndClose(int fd, const char* content) {
  size_t length = strlen(content);
  ssize_t written = write(fd, content, length);
  int saved = errno;
  close(fd);
  errno = saved;
  return written == static_cast<ssize_t>(length) ? 0 : -1;
}

int WriteWholeFile(const char* path, const char* content) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  return fd < 0 ? -1 : WriteAndClose(fd, content);
}

int BindConsole(int terminal) {
  if (TouchContainerFile("/dev/console", 0600) != 0) return -1;
  // By descriptor: the /proc that is there may be of a PID namespace that has no /proc/self for us.
  int tree = open_tree(terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0) return -1;
  int result = move_mount(tree, "", AT_FDCWD, "/dev/console", MOVE_MOUNT_F_EMPTY_PATH);
  int saved = errno;
  close(tree);
  errno = saved;
  return result;
}

}  // namespace hoy::core
