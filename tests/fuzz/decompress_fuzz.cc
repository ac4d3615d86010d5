#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "oci/layer/decompress.h"

namespace {

class PiecewiseSource final : public hoy::oci::ByteSource {
 public:
  PiecewiseSource(std::span<const uint8_t> bytes, size_t piece) : bytes_(bytes), piece_(piece) {}
  hoy::Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t count = std::min({buffer.size(), bytes_.size(), piece_});
    std::ranges::copy(std::as_bytes(bytes_.first(count)), buffer.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t piece_;
};

struct Outcome {
  bool complete = false;
  std::string text;
};

Outcome Inflate(std::span<const uint8_t> bytes, size_t piece, size_t output) {
  constexpr size_t kEnough = 1 << 20;
  Outcome outcome;
  PiecewiseSource source(bytes, piece);
  auto plain = hoy::oci::Decompress(source);
  if (!plain) return outcome;
  std::vector<std::byte> buffer(output);
  while (outcome.text.size() < kEnough) {
    auto count = (*plain)->Read(buffer);
    if (!count) return outcome;
    if (*count == 0) {
      outcome.complete = true;
      return outcome;
    }
    if (*count > buffer.size()) abort();
    outcome.text.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
  return outcome;
}

}  // namespace

// The sizes of reads make no difference to what comes out.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const uint8_t> bytes(data, size);
  Outcome whole = Inflate(bytes, SIZE_MAX, 65536);
  Outcome pieces = Inflate(bytes, 1, 65536);
  if (whole.complete && pieces.complete && whole.text != pieces.text) abort();
  // libzstd checks the size in a frame's header only when it sees the frame whole.
  bool is_zstd = hoy::oci::DetectCompression(std::as_bytes(bytes)) == hoy::oci::Compression::kZstd;
  if (!is_zstd && whole.complete != pieces.complete) abort();
  return 0;
}
