#include "core/sys/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

#include "core/base/text.h"

namespace hoy::core {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

constexpr std::string_view kTempPrefix = ".tmp-";

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<Fd> OpenAt(BorrowedFd directory, const std::string& path, int flags, mode_t mode) {
  int fd = openat(directory.get(), path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return FailErrno("open", path);
  return Fd(fd);
}

Result<Fd> OpenDirectory(const std::string& path) {
  return OpenAt(kCwd, path, O_RDONLY | O_DIRECTORY);
}

Result<std::string> ReadAll(BorrowedFd fd, std::string_view subject, size_t limit) {
  std::string bytes;
  struct stat status{};
  bool size_known = fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  size_t guess = size_known ? static_cast<size_t>(status.st_size) + 1 : 4096;
  size_t used = 0;
  bytes.resize(std::min(guess, limit + 1));
  while (true) {
    ssize_t count = read(fd.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", subject);
    if (count == 0) break;
    bool short_read = static_cast<size_t>(count) < bytes.size() - used;
    used += static_cast<size_t>(count);
    if (used > limit) {
      return Fail(ErrorKind::kCorrupt, "read '{}': larger than {} bytes", subject, limit);
    }
    if (size_known && short_read) break;
    if (used == bytes.size()) bytes.resize(std::min(bytes.size() * 2, limit + 1));
  }
  bytes.resize(used);
  return bytes;
}

Result<std::string> ReadKernelFile(const std::string& path) {
  TRY(Fd fd, OpenAt(kCwd, path, O_RDONLY));
  std::array<char, 4096> page;
  ssize_t count = read(fd.get(), page.data(), page.size());
  if (count < 0) return FailErrno("read", path);
  return std::string(page.data(), static_cast<size_t>(count));
}

Result<std::string> ReadFileAt(BorrowedFd directory, const std::string& path, size_t limit) {
  TRY(Fd fd, OpenAt(directory, path, O_RDONLY));
  return ReadAll(fd, path, limit);
}

Result<std::string> ReadFile(const std::string& path, size_t limit) {
  return ReadFileAt(kCwd, path, limit);
}

Result<> WriteAll(BorrowedFd fd, std::string_view bytes, std::string_view subject) {
  while (!bytes.empty()) {
    ssize_t count = write(fd.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("write", subject);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<> WriteControlFile(const std::string& path, std::string_view value) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return FailErrno("open", path);
  Fd owner(fd);
  ssize_t count = 0;
  do {
    count = write(fd, value.data(), value.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return FailErrno("write", path);
  return {};
}

Result<> WriteFileAtomically(const std::string& path, std::string_view bytes, Durability durability,
                             mode_t mode) {
  static std::atomic<unsigned> counter{0};
  std::string directory = ParentOf(path);
  std::string temp = fmt::format("{}/{}{}-{}", directory, kTempPrefix, getpid(), counter++);
  TRY(Fd fd, OpenAt(kCwd, temp, O_WRONLY | O_CREAT | O_EXCL, mode));
  flock(fd.get(), LOCK_EX | LOCK_NB);
  auto written = WriteAll(fd, bytes, path);
  if (written && durability == Durability::kDurable && fsync(fd.get()) != 0) {
    written = FailErrno("sync", path);
  }
  if (written && rename(temp.c_str(), path.c_str()) != 0) written = FailErrno("rename", path);
  if (!written) {
    unlink(temp.c_str());
    return written;
  }
  return durability == Durability::kDurable ? SyncDirectory(directory) : Result<>{};
}

void RemoveStaleTemps(const std::string& directory) {
  auto names = ListDirectory(directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kTempPrefix)) continue;
    std::string path = directory + "/" + name;
    auto fd = OpenAt(kCwd, path, O_RDONLY | O_NOFOLLOW);
    if (fd && TryLockFile(*fd, LockMode::kExclusive).value_or(false)) unlink(path.c_str());
  }
}

Result<> MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return FailErrno("create directory", path);
  return {};
}

Result<> WriteNamedFile(std::string_view flag, const std::string& path, std::string_view bytes) {
  struct stat status{};
  bool is_there = lstat(path.c_str(), &status) == 0;
  Result<> written;
  if (!is_there || S_ISREG(status.st_mode)) {
    written = WriteFileAtomically(path, bytes, Durability::kVolatile, 0644);
  } else {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY;
    auto fd = OpenAt(kCwd, path, kFlags, 0644);
    written = fd ? WriteAll(*fd, bytes, path) : Fail(std::move(fd).error());
  }
  // It may speak of a file beside it.
  if (!written) return FailErrno(flag, path, written.error().system_errno);
  return {};
}

Result<> CheckNamedFile(std::string_view flag, const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return FailErrno(flag, path, EISDIR);
  }
  size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return access(directory.c_str(), W_OK | X_OK) == 0 ? Result<>{} : FailErrno(flag, path);
}

Result<> MakeDirectories(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return FailErrno("create directory", path);
  TRY(MakeDirectories(ParentOf(path), mode));
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return FailErrno("create directory", path);
}

Result<> SyncDirectory(const std::string& path) {
  TRY(Fd fd, OpenDirectory(path));
  if (fsync(fd.get()) != 0) return FailErrno("sync", path);
  return {};
}

Result<> Unlink(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return FailErrno("remove", path);
}

Result<std::vector<std::string>> ListDirectory(const std::string& path) {
  std::vector<std::string> names;
  DirectoryStream stream(opendir(path.c_str()));
  if (!stream) {
    if (errno == ENOENT) return names;
    return FailErrno("list", path);
  }
  while (dirent* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

bool Exists(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0;
}

Result<> LockFile(BorrowedFd fd, LockMode mode, std::string_view subject) {
  int operation = mode == LockMode::kShared ? LOCK_SH : LOCK_EX;
  while (flock(fd.get(), operation) != 0) {
    if (errno != EINTR) return FailErrno("lock", subject);
  }
  return {};
}

Result<bool> TryLockFile(BorrowedFd fd, LockMode mode) {
  int operation = mode == LockMode::kShared ? LOCK_SH : LOCK_EX;
  if (flock(fd.get(), operation | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return FailErrno("lock", "");
}

}  // namespace hoy::core
