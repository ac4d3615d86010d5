#pragma once
// Reads a blob and, on the way, counts, hashes and keeps its bytes.

#include "core/sys/files.h"
#include "oci/layer/byte_sink.h"
#include "oci/layer/byte_source.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {

class KeepingSource final : public ByteSource {
 public:
  // `file` < 0: not kept. `hash` nullptr: not hashed.
  KeepingSource(ByteSource& source, int file, Sha256* hash)
      : source_(source), file_(file), hash_(hash) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    TRY(size_t count, source_.Read(buffer));
    auto bytes = buffer.first(count);
    if (file_ >= 0) TRY(core::WriteAll(file_, AsText(bytes), "a blob"));
    if (hash_ != nullptr) hash_->Update(bytes);
    total_ += static_cast<int64_t>(count);
    return count;
  }
  int64_t total() const { return total_; }

 private:
  ByteSource& source_;
  int file_;
  Sha256* hash_;
  int64_t total_ = 0;
};

}  // namespace hoy::oci
