#include "core/log/read_window.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace hoy::core {
namespace {
constexpr size_t kReadAhead = 1 << 20;
}

void ReadWindow::SeekTo(uint64_t offset) {
  begin_ = end_ = 0;
  offset_ = offset;
}

void ReadWindow::Skip(uint64_t count) {
  begin_ += count;
  offset_ += count;
}

Result<bool> ReadWindow::Fill(uint64_t want) {
  if (end_ - begin_ >= want) return true;
  begin_ = end_ = 0;
  if (buffer_.size() < want) buffer_.resize(std::max<size_t>(kReadAhead, 2 * want));
  TRY(end_, ReadAt(offset_, buffer_.data(), buffer_.size()));
  return end_ >= want;
}

Result<size_t> ReadWindow::ReadAt(uint64_t offset, void* to, size_t size) const {
  while (true) {
    ssize_t count = pread(fd_.get(), to, size, static_cast<off_t>(offset));
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return FailErrno("read", "log");
  }
}

Result<uint64_t> ReadWindow::FileSize() const {
  struct stat status{};
  if (fstat(fd_.get(), &status) != 0) return FailErrno("stat", "log");
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace hoy::core
