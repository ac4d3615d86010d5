#include "core/sys/temp_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace hoy::core {
namespace {

constexpr std::string_view kPrefix = ".hoy-cp-";
constexpr int kTries = 100;

std::string NextName() {
  static uint64_t count = 0;
  return fmt::format("{}{}-{}", kPrefix, getpid(), ++count);
}

// Nothing but a regular file is opened: the container may have made anything of that name.
void RemoveIfAbandoned(BorrowedFd directory, const std::string& name) {
  Fd handle(openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!handle || fstat(handle.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  Fd file(open(fmt::format("/proc/self/fd/{}", handle.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return;
  unlinkat(directory.get(), name.c_str(), 0);
}

void RemoveAbandoned(BorrowedFd directory) {
  int own = openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return;
  std::unique_ptr<DIR, int (*)(DIR*)> names(fdopendir(own), &closedir);
  if (!names) {
    close(own);
    return;
  }
  while (const dirent* entry = readdir(names.get())) {
    std::string name = entry->d_name;
    if (name.starts_with(kPrefix)) RemoveIfAbandoned(directory, name);
  }
}

}  // namespace

Result<TempFile> TempFile::Make(BorrowedFd directory) {
  TempFile temp(directory);
  temp.fd_.reset(openat(directory.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (temp.fd_) return temp;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOSYS && errno != ENOENT) {
    return FailErrno("create", "");
  }
  RemoveAbandoned(directory);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    TRY(bool made, temp.MakeNamed());
    if (made) return temp;
  }
  return FailErrno("create", "", EEXIST);
}

// False: the name is taken, or was taken from us before we had locked it.
Result<bool> TempFile::MakeNamed() {
  std::string name = NextName();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Fd file(openat(directory_.get(), name.c_str(), kFlags, 0600));
  if (!file && errno == EEXIST) return false;
  if (!file) return FailErrno("create", "");
  struct stat status{};
  if (flock(file.get(), LOCK_EX) != 0 || fstat(file.get(), &status) != 0) {
    return FailErrno("lock", "");
  }
  if (status.st_nlink == 0) return false;
  name_ = std::move(name);
  fd_ = std::move(file);
  return true;
}

TempFile::TempFile(TempFile&& other) noexcept
    : directory_(other.directory_),
      fd_(std::move(other.fd_)),
      name_(std::exchange(other.name_, std::string())) {}

TempFile::~TempFile() {
  if (!name_.empty()) unlinkat(directory_.get(), name_.c_str(), 0);
}

int TempFile::Publish(const std::string& name, bool replaces) {
  if (name_.empty()) {
    std::string from = fmt::format("/proc/self/fd/{}", fd_.get());
    if (replaces) return LinkAs(-1, from, directory_, name, AT_SYMLINK_FOLLOW);
    int code = linkat(-1, from.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW);
    if (code == 0) return 0;
    return errno == EEXIST ? LinkAs(-1, from, directory_, name, AT_SYMLINK_FOLLOW) : errno;
  }
  if (renameat(directory_.get(), name_.c_str(), directory_.get(), name.c_str()) != 0) return errno;
  name_.clear();
  return 0;
}

int LinkAs(BorrowedFd from_directory, const std::string& from, BorrowedFd directory,
           const std::string& name, int flags) {
  std::string temp;
  int error = EEXIST;
  for (int attempt = 0; error == EEXIST && attempt < kTries; ++attempt) {
    temp = NextName();
    int code = linkat(from_directory.get(), from.c_str(), directory.get(), temp.c_str(), flags);
    error = code == 0 ? 0 : errno;
  }
  if (error != 0) return error;
  int code = renameat(directory.get(), temp.c_str(), directory.get(), name.c_str());
  error = code == 0 ? 0 : errno;
  // rename(2) does nothing when both are one file already.
  unlinkat(directory.get(), temp.c_str(), 0);
  return error;
}

}  // namespace hoy::core
