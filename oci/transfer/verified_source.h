#pragma once
// A blob of the store on its way out. The end is only reached when it was what its digest says.

#include <span>

#include "oci/image/digest.h"
#include "oci/layer/byte_source.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {

inline Error DamagedCopy(const Digest& digest) {
  return MakeError(ErrorKind::kCorrupt,
                   fmt::format("the copy of {} on this machine is damaged", digest.Short()))
      .WithHint("remove the image and pull it again");
}

class VerifiedSource final : public ByteSource {
 public:
  VerifiedSource(ByteSource& blob, Digest digest) : blob_(blob), digest_(std::move(digest)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    TRY(size_t count, blob_.Read(buffer));
    if (count == 0 && hash_.Finish() != digest_) return Fail(DamagedCopy(digest_));
    hash_.Update(buffer.first(count));
    return count;
  }

 private:
  ByteSource& blob_;
  Digest digest_;
  Sha256 hash_;
};

}  // namespace hoy::oci
