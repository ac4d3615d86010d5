#include "core/sys/copy_file.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/base/text.h"

namespace hoy::core {
namespace {

constexpr int64_t kPieceBytes = int64_t{16} << 20;  // between two looks at `cancelled`
constexpr size_t kBufferBytes = 256 << 10;
constexpr size_t kXattrBytes = 64 << 10;  // XATTR_SIZE_MAX, XATTR_LIST_MAX

bool NotInKernel(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
         error == EPERM || error == EBADF || error == ETXTBSY;
}

class DataCopier {
 public:
  DataCopier(BorrowedFd from, BorrowedFd to, const std::function<bool()>& cancelled)
      : from_(from.get()), to_(to.get()), cancelled_(cancelled) {}

  // False: the source ends before `end`.
  Result<bool> Copy(int64_t begin, int64_t end) {
    while (begin < end) {
      if (cancelled_ && cancelled_()) return Fail(ErrorKind::kCancelled, "interrupted");
      TRY(int64_t count, Piece(begin, std::min(end - begin, kPieceBytes)));
      if (count == 0) return false;
      begin += count;
      moved_ += static_cast<uint64_t>(count);
    }
    return true;
  }
  uint64_t moved() const { return moved_; }

 private:
  Result<int64_t> Piece(int64_t at, int64_t length) {
    while (in_kernel_) {
      off64_t in = at;
      off64_t out = at;
      ssize_t count = copy_file_range(from_, &in, to_, &out, static_cast<size_t>(length), 0);
      // Some pseudo files answer 0 with data left; what is really the end says so to read(2), too.
      if (count > 0) return count;
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && !NotInKernel(errno)) return FailErrno("copy", "");
      in_kernel_ = false;
    }
    if (buffer_.empty()) buffer_.resize(kBufferBytes);
    size_t wanted = std::min(buffer_.size(), static_cast<size_t>(length));
    ssize_t count = 0;
    do {
      count = pread(from_, buffer_.data(), wanted, at);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return FailErrno("read", "");
    for (ssize_t done = 0; done < count;) {
      ssize_t written =
          pwrite(to_, buffer_.data() + done, static_cast<size_t>(count - done), at + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FailErrno("write", "");
      done += written;
    }
    return count;
  }

  int from_;
  int to_;
  const std::function<bool()>& cancelled_;
  bool in_kernel_ = true;
  std::vector<char> buffer_;
  uint64_t moved_ = 0;
};

bool IsWanted(std::string_view name, AttributeSet which) {
  if (name.starts_with("user.")) return !name.starts_with("user.overlay.");
  if (which == AttributeSet::kUser) return false;
  if (name.starts_with("trusted.")) return !name.starts_with("trusted.overlay.");
  return name == "security.capability" || name.starts_with("system.posix_acl_");
}

}  // namespace

Result<CopiedData> CopyFileData(BorrowedFd from, BorrowedFd to, int64_t size,
                                const std::function<bool()>& cancelled) {
  DataCopier copier(from, to, cancelled);
  struct stat before{};
  if (fstat(from.get(), &before) != 0) return FailErrno("stat", "");
  int64_t at = 0;
  bool more = true;
  while (more && at < size) {
    off64_t data = lseek64(from.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // nothing but a hole is left
    int64_t end = size;
    if (data < 0) {
      data = at;  // a file system that does not know holes
    } else if (off64_t hole = lseek64(from.get(), data, SEEK_HOLE); hole > data) {
      end = std::min<int64_t>(size, hole);
    }
    if (data >= size) break;
    TRY(more, copier.Copy(data, end));
    at = end;
  }
  struct stat after{};
  if (fstat(from.get(), &after) != 0) return FailErrno("stat", "");
  int64_t length = std::min<int64_t>(size, after.st_size);
  // Some pseudo files end before their size says so, and nobody changes them.
  bool changed = before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
                 before.st_mtim.tv_nsec != after.st_mtim.tv_nsec;
  bool torn = length < size || (!more && changed);
  if (length > 0 && ftruncate(to.get(), length) != 0) return FailErrno("truncate", "");
  return CopiedData{copier.moved(), torn};
}

void CopyXattrs(const std::string& from, const std::string& to, AttributeSet which) {
  std::vector<char> names(kXattrBytes);
  ssize_t length = listxattr(from.c_str(), names.data(), names.size());
  if (length <= 0) return;
  std::vector<char> value(kXattrBytes);
  for (std::string_view name : Split({names.data(), static_cast<size_t>(length - 1)}, '\0')) {
    if (!IsWanted(name, which)) continue;
    std::string key(name);
    ssize_t size = getxattr(from.c_str(), key.c_str(), value.data(), value.size());
    if (size < 0) continue;  // removed meanwhile
    (void)setxattr(to.c_str(), key.c_str(), value.data(), static_cast<size_t>(size), 0);
  }
}

}  // namespace hoy::core
