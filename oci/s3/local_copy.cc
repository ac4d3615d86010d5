#include "oci/s3/local_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::oci {
namespace {

constexpr uint32_t kModeBits = 07777;
constexpr int64_t kNanoseconds = 1'000'000'000;

// nullopt: neither file nor directory nor symlink.
std::optional<LocalEntry> EntryOf(const struct stat& status) {
  LocalEntry entry;
  entry.mode = status.st_mode & kModeBits;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  if (S_ISDIR(status.st_mode)) {
    entry.kind = S3Kind::kDirectory;
    return entry;
  }
  if (S_ISLNK(status.st_mode)) {
    entry.kind = S3Kind::kSymlink;
  } else if (!S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  entry.size = static_cast<uint64_t>(status.st_size);
  // A container may give its files times that nanoseconds cannot say.
  constexpr int64_t kMost = INT64_MAX / kNanoseconds - 1;
  int64_t seconds = std::clamp<int64_t>(status.st_mtim.tv_sec, -kMost, kMost);
  entry.mtime_ns = seconds * kNanoseconds + status.st_mtim.tv_nsec;
  if (entry.kind == S3Kind::kFile) {
    entry.ctime_ns = status.st_ctim.tv_sec * kNanoseconds + status.st_ctim.tv_nsec;
  }
  return entry;
}

Result<> LookIn(BorrowedFd directory, const std::string& prefix, size_t longest,
                LocalCopy::Scan& scan) {
  TRY(Fd readable, core::OpenAt(directory, ".", O_RDONLY | O_DIRECTORY));
  DIR* stream = fdopendir(readable.get());
  if (stream == nullptr) return FailErrno("read directory", prefix);
  (void)readable.release();
  std::vector<std::string> names;
  errno = 0;
  while (dirent* entry = readdir(stream)) {
    names.emplace_back(entry->d_name);
    errno = 0;
  }
  int error = errno;
  closedir(stream);
  // What is behind it must not pass for deleted.
  if (error != 0) return FailErrno("read directory", prefix, error);
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    std::string path = prefix + name;
    struct stat status{};
    if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return FailErrno("stat", path);
    }
    auto entry = EntryOf(status);
    if (!entry || !IsUtf8(name) || path.size() > longest) {
      scan.unfit.push_back(path);
      if (entry) ++scan.nameless;
      continue;
    }
    scan.tree.emplace(path, *entry);
    if (entry->kind != S3Kind::kDirectory) continue;
    auto below = core::OpenAt(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!below && (below.error().system_errno == ENOENT || below.error().system_errno == ENOTDIR)) {
      continue;
    }
    if (!below) return Fail(std::move(below).error());
    TRY(LookIn(*below, path + "/", longest, scan));
  }
  return {};
}

Result<LocalEntry> StatAt(BorrowedFd parent, const std::string& name, const std::string& path) {
  struct stat status{};
  if (fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("stat", path);
  }
  auto entry = EntryOf(status);
  if (!entry) return Fail(ErrorKind::kConflict, "'{}' is no file any more", path);
  return *entry;
}

}  // namespace

Result<LocalCopy> LocalCopy::Open(const std::string& files, const std::string& temp) {
  TRY(core::MakeDirectories(temp, 0700));
  TRY(Fd files_fd, core::OpenAt(core::kCwd, files, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(Fd temp_fd, core::OpenDirectory(temp));
  return LocalCopy(std::move(files_fd), std::move(temp_fd));
}

Result<LocalCopy::Scan> LocalCopy::Look(size_t longest) const {
  Scan scan;
  TRY(LookIn(files_, "", longest, scan));
  return scan;
}

Result<LocalCopy::Identity> LocalCopy::Identify() const {
  struct statx status{};
  if (statx(files_.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) {
    return FailErrno("stat", "the local copy");
  }
  bool born = (status.stx_mask & STATX_BTIME) != 0;
  return Identity{status.stx_ino,
                  born ? status.stx_btime.tv_sec * kNanoseconds + status.stx_btime.tv_nsec : 0};
}

Result<LocalEntry> LocalCopy::Stat(const std::string& path) const {
  TRY(Place place, Find(path, false));
  return StatAt(place.parent, place.name, path);
}

Result<LocalCopy::Place> LocalCopy::Find(const std::string& path, bool make_parents) const {
  if (std::string_view why = WhyNoPath(path); !why.empty() || path.ends_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "'{}' is no path: {}", path, why);
  }
  Place place;
  TRY(place.parent, core::OpenAt(files_, ".", O_PATH | O_DIRECTORY));
  auto parts = Split(path, '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    std::string part(parts[i]);
    if (make_parents && mkdirat(place.parent.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return FailErrno("make directory", path);
    }
    TRY_CONTEXT_SET(Fd next, core::OpenAt(place.parent, part, O_PATH | O_DIRECTORY | O_NOFOLLOW),
                    "'{}'", path);
    place.parent = std::move(next);
  }
  place.name = parts.back();
  return place;
}

Result<Fd> LocalCopy::OpenFile(const std::string& path) const {
  TRY(Place place, Find(path, false));
  // A device or a FIFO that has taken its place is not opened: that may have effects, or wait.
  TRY(Fd found, core::OpenAt(place.parent, place.name, O_PATH | O_NOFOLLOW));
  struct stat status{};
  if (fstat(found.get(), &status) != 0) return FailErrno("stat", path);
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorKind::kConflict, "'{}' is no file any more", path);
  }
  TRY_CONTEXT_SET(Fd file,
                  core::OpenAt(core::kCwd, fmt::format("/proc/self/fd/{}", found.get()), O_RDONLY),
                  "'{}'", path);
  return file;
}

Result<std::string> LocalCopy::ReadLink(const std::string& path) const {
  TRY(Place place, Find(path, false));
  std::array<char, PATH_MAX> target;
  ssize_t count = readlinkat(place.parent.get(), place.name.c_str(), target.data(), target.size());
  if (count < 0) return FailErrno("read link", path);
  return std::string(target.data(), static_cast<size_t>(count));
}

Result<> LocalCopy::MakeLink(const std::string& temp, const Place& place) const {
  TRY(std::string target, core::ReadFileAt(temp_, temp, PATH_MAX));
  if (target.empty() || target.find('\0') != std::string::npos) {
    return Fail(ErrorKind::kCorrupt, "it is no target of a symlink");
  }
  (void)unlinkat(temp_.get(), temp.c_str(), 0);
  if (symlinkat(target.c_str(), temp_.get(), temp.c_str()) != 0) {
    return FailErrno("make symlink", place.name);
  }
  return {};
}

Result<> LocalCopy::PutInPlace(const std::string& temp, const Place& place, const std::string& path,
                               const LocalEntry* expected) const {
  auto rename = [&](unsigned flags) {
    return renameat2(temp_.get(), temp.c_str(), place.parent.get(), place.name.c_str(), flags) == 0;
  };
  auto in_the_way = [&](int error) { return FailErrno("publish", path, error); };
  if (expected != nullptr) {
    auto now = StatAt(place.parent, place.name, path);
    if (!now && now.error().kind != ErrorKind::kConflict) return Fail(std::move(now).error());
    if (!now || *now != *expected) return in_the_way(EEXIST);
  }
  // What was a directory has become a file; one with something in it stays.
  bool directory = expected != nullptr && expected->kind == S3Kind::kDirectory;
  if (directory && unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR) != 0) {
    return in_the_way(errno);
  }
  if (expected == nullptr || directory) {
    if (rename(RENAME_NOREPLACE)) return {};
    if (errno != EINVAL) return in_the_way(errno);
    // A file system without that.
    struct stat status{};
    int found = fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    if (found == 0) return in_the_way(EEXIST);
    return rename(0) ? Result<>{} : in_the_way(errno);
  }
  if (!rename(RENAME_EXCHANGE)) {
    if (errno != EINVAL) return in_the_way(errno);
    return rename(0) ? Result<>{} : in_the_way(errno);
  }
  // What came out is what was expected, or a change of this very moment.
  auto out = StatAt(temp_, temp, path);
  if (out && *out == *expected) {
    (void)unlinkat(temp_.get(), temp.c_str(), 0);
    return {};
  }
  bool back = rename(RENAME_EXCHANGE) || (errno == ENOENT && rename(RENAME_NOREPLACE));
  return in_the_way(back ? EEXIST : errno);
}

Result<LocalEntry> LocalCopy::Publish(const std::string& temp, const std::string& path,
                                      const LocalEntry& entry, const LocalEntry* expected) const {
  TRY(Place place, Find(path, true));
  bool link = entry.kind == S3Kind::kSymlink;
  if (link) TRY(MakeLink(temp, place));
  // An owner takes the set-user-ID bit away, so he comes before the mode.
  if (fchownat(temp_.get(), temp.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("change owner", path);
  }
  if (!link && fchmodat(temp_.get(), temp.c_str(), entry.mode, 0) != 0) {
    return FailErrno("change mode", path);
  }
  timespec times[2] = {{0, UTIME_OMIT},
                       {entry.mtime_ns / kNanoseconds, entry.mtime_ns % kNanoseconds}};
  if (times[1].tv_nsec < 0) {
    times[1].tv_nsec += kNanoseconds;
    --times[1].tv_sec;
  }
  if (utimensat(temp_.get(), temp.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return FailErrno("set time", path);
  }
  TRY(PutInPlace(temp, place, path, expected));
  return StatAt(place.parent, place.name, path);
}

Result<LocalEntry> LocalCopy::MakeDirectory(const std::string& path,
                                            const LocalEntry* entry) const {
  TRY(Place place, Find(path, true));
  if (mkdirat(place.parent.get(), place.name.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno("make directory", path);
  }
  TRY_CONTEXT_SET(Fd directory,
                  core::OpenAt(place.parent, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                  "'{}'", path);
  if (entry != nullptr) {
    if (fchown(directory.get(), entry->uid, entry->gid) != 0) {
      return FailErrno("change owner", path);
    }
    if (fchmod(directory.get(), entry->mode) != 0) return FailErrno("change mode", path);
  }
  return StatAt(place.parent, place.name, path);
}

Result<bool> LocalCopy::Remove(const std::string& path, const LocalEntry& expected) const {
  auto place = Find(path, false);
  if (!place && place.error().system_errno == ENOENT) return false;
  if (!place) return Fail(std::move(place).error());
  auto now = StatAt(place->parent, place->name, path);
  if (!now && now.error().system_errno == ENOENT) return false;
  if (!now) return Fail(std::move(now).error());
  if (*now != expected) return false;  // changed since it was looked at
  int flags = now->kind == S3Kind::kDirectory ? AT_REMOVEDIR : 0;
  if (unlinkat(place->parent.get(), place->name.c_str(), flags) == 0) return true;
  if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return false;
  return FailErrno("remove", path);
}

Result<> LocalCopy::Sync() const {
  if (syncfs(temp_.get()) != 0) return FailErrno("sync", "the local copy");
  return {};
}

}  // namespace hoy::oci
