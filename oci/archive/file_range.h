#pragma once
// A part of a file as a blob: pread(2), so that many threads may read the same file.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "core/base/fd.h"
#include "oci/transfer/image_source.h"

namespace hoy::oci {

class FileRange : public SourceBlob {
 public:
  FileRange(std::shared_ptr<Fd> file, int64_t offset, int64_t size, std::string subject)
      : file_(std::move(file)), offset_(offset), left_(size), subject_(std::move(subject)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t wanted = std::min(buffer.size(), static_cast<size_t>(left_));
    if (wanted == 0) return 0;
    ssize_t count = 0;
    do count = ::pread(file_->get(), buffer.data(), wanted, offset_);
    while (count < 0 && errno == EINTR);
    if (count < 0) return FailErrno("read", subject_);
    if (count == 0) return Fail(ErrorKind::kCorrupt, "'{}' ends early", subject_);
    offset_ += count;
    left_ -= count;
    return static_cast<size_t>(count);
  }

 private:
  std::shared_ptr<Fd> file_;
  int64_t offset_;
  int64_t left_;
  std::string subject_;
};

}  // namespace hoy::oci
