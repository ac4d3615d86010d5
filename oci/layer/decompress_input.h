#pragma once
// What the decompressors read from; shared by decompress*.cc only.

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

// The compressed bytes, by the buffer.
class CompressedInput {
 public:
  explicit CompressedInput(ByteSource& source) : source_(source), buffer_(kInputBytes) {}

  std::span<const std::byte> bytes() const {
    return std::span(buffer_).subspan(begin_, end_ - begin_);
  }
  void Consume(size_t count) { begin_ += count; }

  // Reads more behind what is there. False: there is no more.
  Result<bool> Fill() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (at_end_ || end_ == buffer_.size()) return !at_end_;
    TRY(size_t count, source_.Read(std::span(buffer_).subspan(end_)));
    if (count == 0) at_end_ = true;
    end_ += count;
    return count > 0;
  }

 private:
  static constexpr size_t kInputBytes = 128 << 10;

  ByteSource& source_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool at_end_ = false;
};

// liblzma and libbz2.
Result<std::unique_ptr<ByteSource>> OpenXz(std::unique_ptr<CompressedInput> input);
Result<std::unique_ptr<ByteSource>> OpenBzip2(std::unique_ptr<CompressedInput> input);

}  // namespace hoy::oci
