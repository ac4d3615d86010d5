// The second half of layer_applier.h: what only the layers below can answer.

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vector>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "core/sys/in_root.h"
#include "oci/layer/directory_cache.h"
#include "oci/layer/entry_path.h"
#include "oci/layer/layer_applier.h"
#include "oci/layer/lower_tree.h"
#include "oci/layer/xattr_rules.h"

namespace hoy::oci {
namespace {

// For the calls that take no descriptor of a symlink or device (setxattr and its kin).
std::string PathOf(BorrowedFd parent, const std::string& name) {
  return fmt::format("/proc/self/fd/{}/{}", parent.get(), name);
}

Result<> CopyXattrs(const std::string& from, const std::string& to) {
  std::string names(64 << 10, '\0');  // XATTR_LIST_MAX
  ssize_t length = llistxattr(from.c_str(), names.data(), names.size());
  if (length < 0) return errno == ENOTSUP ? Result<>{} : FailErrno("list attributes", "");
  names.resize(static_cast<size_t>(length));
  std::vector<char> value(64 << 10);  // XATTR_SIZE_MAX
  for (std::string_view name : Split(names, '\0')) {
    if (name.empty() || !IsXattrKept(name)) continue;
    std::string text(name);
    ssize_t size = lgetxattr(from.c_str(), text.c_str(), value.data(), value.size());
    if (size < 0) return FailErrno("read attribute", name);
    if (lsetxattr(to.c_str(), text.c_str(), value.data(), static_cast<size_t>(size), 0) != 0 &&
        !IsXattrErrorPassed(name, errno)) {
      return FailErrno("set attribute", name);
    }
  }
  return {};
}

Result<> CopyBytes(const LowerTree::Found& from, BorrowedFd to) {
  TRY(Fd source, core::OpenAt(from.parent, from.name, O_RDONLY | O_NOFOLLOW));
  off_t left = from.status.st_size;
  while (left > 0) {
    ssize_t count =
        copy_file_range(source.get(), nullptr, to.get(), nullptr, static_cast<size_t>(left), 0);
    if (count < 0 &&
        (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
      count = sendfile(to.get(), source.get(), nullptr, static_cast<size_t>(left));
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("copy", "");
    if (count == 0) break;
    left -= count;
  }
  return {};
}

Result<> MakeCopy(const LowerTree::Found& from, BorrowedFd parent, const std::string& name) {
  mode_t type = from.status.st_mode & S_IFMT;
  if (type == S_IFDIR) return Fail(ErrorKind::kCorrupt, "it is a hard link to a directory");
  if (type == S_IFREG) {
    TRY(Fd file, core::OpenAt(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return CopyBytes(from, file);
  }
  if (type == S_IFLNK) {
    char target[PATH_MAX + 1];
    ssize_t length = readlinkat(from.parent.get(), from.name.c_str(), target, PATH_MAX);
    if (length < 0) return FailErrno("read link", "");
    target[length] = '\0';
    return symlinkat(target, parent.get(), name.c_str()) == 0 ? Result<>{}
                                                              : FailErrno("create symlink", "");
  }
  if (mknodat(parent.get(), name.c_str(), from.status.st_mode, from.status.st_rdev) != 0) {
    return FailErrno("create device", "");
  }
  return {};
}

// Owner, mode, attributes and times; `name` exists and is of the same type.
Result<> CopyAttributes(const LowerTree::Found& from, BorrowedFd parent, const std::string& name) {
  const struct stat& status = from.status;
  if (fchownat(parent.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return FailErrno("change owner", "");
  }
  if (!S_ISLNK(status.st_mode) &&
      fchmodat(parent.get(), name.c_str(), status.st_mode & 07777, 0) != 0) {
    return FailErrno("change mode", "");
  }
  TRY(CopyXattrs(PathOf(from.parent, from.name), PathOf(parent, name)));
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (utimensat(parent.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("set times", "");
  }
  return {};
}

class Finisher {
 public:
  Finisher(BorrowedFd target, const LowerTree& lower)
      : target_(target), lower_(lower), directories_(target) {}

  Result<> Run(const LowerNeeds& needs) {
    TRY(directories_.Open());
    std::vector<std::string> made = needs.directories;
    for (const LowerNeeds::HardLink& link : needs.links) {
      TRY_CONTEXT(Settle(link), "layer entry '{}': hard link to '{}'", Printable(link.path),
                  Printable(link.target));
    }
    TRY(directories_.Close());
    for (const std::string& path : directories_.made()) made.push_back(path);
    // Children first, so that a directory's time is not changed by what is done below it.
    for (auto path = made.rbegin(); path != made.rend(); ++path) {
      TRY_CONTEXT(CopyDirectory(*path), "directory '{}'", Printable(*path));
    }
    return {};
  }

 private:
  static std::string Parent(const std::string& path) {
    size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
  }
  static std::string Last(const std::string& path) { return path.substr(path.rfind('/') + 1); }

  bool ExistsInTarget(const std::string& path) const {
    return core::OpenInRoot(target_, path, O_PATH | O_NOFOLLOW).has_value();
  }

  Result<> Settle(const LowerNeeds::HardLink& link) {
    if (ExistsInTarget(link.path)) return {};  // made by a later entry
    auto found = lower_.Find(link.target);
    if (!found && found.error().kind != ErrorKind::kNotFound) return Fail(std::move(found).error());
    bool in_target = ExistsInTarget(link.target);
    if (!found && !in_target) return Fail(ErrorKind::kCorrupt, "there is no such file");
    if (!in_target) {
      // As overlayfs does for link(2): copy the file up where it is, then link.
      TRY(CopyUp(*found, link.target));
    }
    return LinkInTarget(link);
  }

  Result<> CopyUp(const LowerTree::Found& from, const std::string& path) {
    auto parent = SplitEntryPath(path);
    if (!parent) return Fail(std::move(parent).error());
    parent->pop_back();
    TRY(directories_.Enter(*parent));
    directories_.Touch();
    std::string name = Last(path);
    TRY(MakeCopy(from, directories_.current(), name));
    return CopyAttributes(from, directories_.current(), name);
  }

  Result<> LinkInTarget(const LowerNeeds::HardLink& link) {
    TRY(Fd from, core::OpenInRoot(target_, Parent(link.target), O_PATH | O_DIRECTORY));
    TRY(auto parent, SplitEntryPath(link.path));
    parent.pop_back();
    TRY(directories_.Enter(parent));
    directories_.Touch();
    if (linkat(from.get(), Last(link.target).c_str(), directories_.current().get(),
               Last(link.path).c_str(), 0) != 0) {
      return FailErrno("link", "");
    }
    return {};
  }

  // Owner, mode and attributes of a directory that the tar did not list: those of the one below.
  Result<> CopyDirectory(const std::string& path) {
    auto found = lower_.Find(path);
    if (!found && found.error().kind == ErrorKind::kNotFound) return {};
    if (!found) return Fail(std::move(found).error());
    if (!S_ISDIR(found->status.st_mode)) return {};
    auto own = core::OpenInRoot(target_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!own) return {};  // replaced by another entry
    return CopyAttributes(*found, *own, ".");
  }

  BorrowedFd target_;
  const LowerTree& lower_;
  DirectoryCache directories_;
};

}  // namespace

Result<> FinishLayer(BorrowedFd target, const LowerNeeds& needs,
                     const std::vector<std::string>& lower_directories) {
  if (needs.links.empty() && needs.directories.empty()) return {};
  TRY(LowerTree lower, LowerTree::Open(lower_directories));
  return Finisher(target, lower).Run(needs);
}

}  // namespace hoy::oci
