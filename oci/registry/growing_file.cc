#include "oci/registry/growing_file.h"

#include <unistd.h>

#include <algorithm>

namespace hoy::oci {

class GrowingFile::Reader : public ByteSource {
 public:
  Reader(GrowingFile& file, Consumed consumed) : file_(file), consumed_(std::move(consumed)) {
    std::lock_guard lock(file_.mutex_);
    generation_ = file_.generation_;
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    uint64_t available = 0;
    int fd = -1;
    {
      std::unique_lock lock(file_.mutex_);
      file_.changed_.wait(lock, [&] {
        return file_.available_ > at_ || file_.finished_ || file_.error_ ||
               file_.generation_ != generation_;
      });
      if (file_.error_) return hoy::Fail(*file_.error_);
      if (file_.generation_ != generation_) return Restarted();
      if (file_.available_ <= at_) return 0;
      available = file_.available_;
      fd = file_.fd_.get();
    }
    size_t wanted = std::min<uint64_t>(buffer.size(), available - at_);
    ssize_t count = -1;
    do {
      count = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(at_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return FailErrno("read", "blob");
    if (count == 0) return Restarted();  // truncated under us
    at_ += static_cast<uint64_t>(count);
    if (consumed_) TRY(consumed_(at_));
    return static_cast<size_t>(count);
  }

 private:
  static std::unexpected<Error> Restarted() {
    Error error = MakeError(ErrorKind::kCorrupt, "the download started over");
    error.stage = "restarted";
    return hoy::Fail(std::move(error));
  }

  GrowingFile& file_;
  Consumed consumed_;
  uint64_t generation_ = 0;
  uint64_t at_ = 0;
};

void GrowingFile::Open(Fd fd) {
  std::lock_guard lock(mutex_);
  fd_ = std::move(fd);
}

void GrowingFile::Grow(uint64_t available) {
  std::lock_guard lock(mutex_);
  available_ = available;
  changed_.notify_all();
}

void GrowingFile::Restart() {
  std::lock_guard lock(mutex_);
  if (available_ > 0) {
    ++generation_;
    suspect_ = true;
  }
  available_ = 0;
  changed_.notify_all();
}

void GrowingFile::MarkSuspect() {
  std::lock_guard lock(mutex_);
  suspect_ = true;
}

void GrowingFile::MarkKept() {
  std::lock_guard lock(mutex_);
  kept_ = true;
}

void GrowingFile::Finish() {
  std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void GrowingFile::Fail(Error error) {
  std::lock_guard lock(mutex_);
  if (finished_ || error_) return;
  error_ = std::move(error);
  changed_.notify_all();
}

std::unique_ptr<ByteSource> GrowingFile::NewReader(Consumed consumed) {
  return std::make_unique<Reader>(*this, std::move(consumed));
}

Result<> GrowingFile::WaitUntilDone() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finished_ || error_; });
  if (error_) return hoy::Fail(*error_);
  return {};
}

bool GrowingFile::IsHashedByWriter() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return available_ > 0 || finished_ || error_; });
  return !kept_ && !suspect_;
}

bool GrowingFile::suspect() {
  std::lock_guard lock(mutex_);
  return suspect_;
}

}  // namespace hoy::oci
