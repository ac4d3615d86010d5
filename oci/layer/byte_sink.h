#pragma once
// Where bytes go to: a file, a pipe, a hash, an archive.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/sys/files.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<> Write(std::span<const std::byte> bytes) = 0;
};

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A descriptor, through a buffer of 256 KiB: many small headers make few writes.
class FdSink final : public ByteSink {
 public:
  // `subject` names it in errors.
  FdSink(BorrowedFd fd, std::string subject) : fd_(fd.get()), subject_(std::move(subject)) {}

  Result<> Write(std::span<const std::byte> bytes) override {
    if (buffer_.size() + bytes.size() > kBufferBytes) TRY(Flush());
    if (bytes.size() >= kBufferBytes) return core::WriteAll(fd_, AsText(bytes), subject_);
    buffer_ += AsText(bytes);
    return {};
  }
  Result<> Flush() {
    TRY(core::WriteAll(fd_, buffer_, subject_));
    buffer_.clear();
    return {};
  }

 private:
  static constexpr size_t kBufferBytes = 256 << 10;
  int fd_;
  std::string subject_;
  std::string buffer_;
};

// A descriptor, from where it stands to its end.
class FdSource final : public ByteSource {
 public:
  FdSource(BorrowedFd fd, std::string subject) : fd_(fd.get()), subject_(std::move(subject)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      ssize_t count = ::read(fd_, buffer.data(), buffer.size());
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR) return FailErrno("read", subject_);
    }
  }

 private:
  int fd_;
  std::string subject_;
};

}  // namespace hoy::oci
