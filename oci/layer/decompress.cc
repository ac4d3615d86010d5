#include "oci/layer/decompress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "oci/layer/decompress_input.h"

namespace hoy::oci {
namespace {

constexpr int kMaxZstdWindowLog = 27;  // 128 MiB, as zstd(1) accepts without --long

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(std::unique_ptr<CompressedInput> input, ByteSource& rest)
      : input_(std::move(input)), rest_(rest) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    auto ready = input_->bytes();
    if (ready.empty()) return rest_.Read(buffer);
    size_t count = std::min(ready.size(), buffer.size());
    std::memcpy(buffer.data(), ready.data(), count);
    input_->Consume(count);
    return count;
  }

 private:
  std::unique_ptr<CompressedInput> input_;
  ByteSource& rest_;
};

std::string_view InflateReason(int code) {
  switch (code) {
    case ISAL_INVALID_WRAPPER: return "a header is malformed";
    case ISAL_UNSUPPORTED_METHOD: return "the method is not deflate";
    case ISAL_INCORRECT_CHECKSUM: return "the checksum or the length is wrong";
    default: return "the data is damaged";
  }
}

// Members of RFC 1952, one after the other. The header is read by isal_read_gzip_header with state
// of its own, because isal_inflate forgets a header that is split between two inputs.
class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<CompressedInput> input) : input_(std::move(input)) {
    StartMember();
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    state_.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    state_.avail_out = static_cast<uint32_t>(std::min<size_t>(buffer.size(), 1U << 30));
    uint32_t room = state_.avail_out;
    while (state_.avail_out == room) {
      if (input_->bytes().empty()) {
        TRY(bool more, input_->Fill());
        if (!more && in_member_) {
          // The last bytes may still be inside the decompressor; it says when it wants others.
          TRY(bool finished, Step());
          if (finished || state_.avail_out < room) continue;
          return Fail(ErrorKind::kCorrupt, "gzip: the data ends early");
        }
        if (!more) break;
      }
      if (!in_member_) StartMember();
      TRY(Step());
    }
    return room - state_.avail_out;
  }

 private:
  void StartMember() {
    uint8_t* next_out = state_.next_out;
    uint32_t avail_out = state_.avail_out;
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    state_.next_out = next_out;
    state_.avail_out = avail_out;
    isal_gzip_header_init(&header_);
    in_header_ = true;
    in_member_ = true;
  }

  // One call of the decompressor. True: the member ended.
  Result<bool> Step() {
    auto bytes = input_->bytes();
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(bytes.data()));
    state_.avail_in = static_cast<uint32_t>(bytes.size());
    int code = in_header_ ? isal_read_gzip_header(&state_, &header_) : isal_inflate(&state_);
    input_->Consume(bytes.size() - state_.avail_in);
    if (in_header_) {
      if (code == ISAL_END_INPUT) return false;
      in_header_ = false;
      state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    }
    if (code < 0) return Fail(ErrorKind::kCorrupt, "gzip: {}", InflateReason(code));
    if (state_.block_state != ISAL_BLOCK_FINISH) return false;
    in_member_ = false;
    return true;
  }

  std::unique_ptr<CompressedInput> input_;
  inflate_state state_{};
  isal_gzip_header header_{};
  bool in_header_ = true;
  bool in_member_ = true;
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<CompressedInput> input)
      : input_(std::move(input)), stream_(ZSTD_createDStream()) {
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    ZSTD_outBuffer output{.dst = buffer.data(), .size = buffer.size(), .pos = 0};
    while (output.pos == 0) {
      if (input_->bytes().empty()) {
        TRY(bool more, input_->Fill());
        if (!more && !in_frame_) break;
        if (!more && !may_hold_output_) {
          return Fail(ErrorKind::kCorrupt, "zstd: the data ends early");
        }
      }
      auto bytes = input_->bytes();
      ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
      size_t code = ZSTD_decompressStream(stream_.get(), &output, &in);
      input_->Consume(in.pos);
      if (ZSTD_isError(code) != 0) {
        return Fail(ErrorKind::kCorrupt, "zstd: {}", ZSTD_getErrorName(code));
      }
      in_frame_ = code != 0;  // 0: a frame has ended and all of it was written out
      may_hold_output_ = output.pos == output.size;
    }
    return output.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<CompressedInput> input_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool in_frame_ = false;
  bool may_hold_output_ = false;
};

}  // namespace

Compression DetectCompression(std::span<const std::byte> head) {
  auto at = [&](size_t i) { return std::to_integer<unsigned>(head[i]); };
  if (head.size() >= 2 && at(0) == 0x1f && at(1) == 0x8b) return Compression::kGzip;
  if (head.size() >= 4) {
    unsigned low = at(0);
    bool tail = at(2) == 0x2f && at(3) == 0xfd;
    if (low == 0x28 && at(1) == 0xb5 && tail) return Compression::kZstd;
    // A skippable frame (RFC 8878 3.1.2): zstd:chunked layers may begin with one.
    if (low >= 0x50 && low <= 0x5f && at(1) == 0x2a && at(2) == 0x4d && at(3) == 0x18) {
      return Compression::kZstd;
    }
  }
  auto starts_with = [&](std::string_view magic) {
    return head.size() >= magic.size() && memcmp(head.data(), magic.data(), magic.size()) == 0;
  };
  if (starts_with(std::string_view("\xfd"
                                   "7zXZ\0",
                                   6)))
    return Compression::kXz;
  if (starts_with("BZh") && head.size() >= 4 && at(3) >= '1' && at(3) <= '9') {
    return Compression::kBzip2;
  }
  return Compression::kNone;
}

Result<std::unique_ptr<ByteSource>> Decompress(ByteSource& compressed, Compression* found) {
  auto input = std::make_unique<CompressedInput>(compressed);
  auto wants_more = [&] {
    auto head = input->bytes();
    bool may_be_xz = head.size() >= 4 && head[0] == std::byte{0xfd};
    return head.size() < (may_be_xz ? 6 : 4);
  };
  while (wants_more()) {
    TRY(bool more, input->Fill());
    if (!more) break;
  }
  const Compression compression = DetectCompression(input->bytes());
  if (found != nullptr) *found = compression;
  switch (compression) {
    case Compression::kGzip: return std::make_unique<GzipSource>(std::move(input));
    case Compression::kZstd: return std::make_unique<ZstdSource>(std::move(input));
    case Compression::kXz: return OpenXz(std::move(input));
    case Compression::kBzip2: return OpenBzip2(std::move(input));
    case Compression::kNone: break;
  }
  return std::make_unique<PlainSource>(std::move(input), compressed);
}

}  // namespace hoy::oci
