#include "oci/layer/compress.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <memory>
#include <vector>

#include "core/sys/files.h"
#include "oci/layer/read_ahead.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

constexpr size_t kOutputBytes = 256 << 10;

// What the compressors write to: hashed, counted and stored.
class PackedFile {
 public:
  explicit PackedFile(BorrowedFd file) : file_(file) {}
  Result<> Write(std::span<const std::byte> bytes) {
    hash_.Update(bytes);
    size_ += static_cast<int64_t>(bytes.size());
    return core::WriteAll(file_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                          "a packed layer");
  }
  int64_t size() const { return size_; }
  Digest Finish() { return hash_.Finish(); }

 private:
  BorrowedFd file_;
  Sha256 hash_;
  int64_t size_ = 0;
};

class Packer {
 public:
  virtual ~Packer() = default;
  virtual Result<> Add(std::span<const std::byte> bytes, bool last, PackedFile& file) = 0;
};

class GzipPacker final : public Packer {
 public:
  explicit GzipPacker(int64_t level) : output_(kOutputBytes) {
    static constexpr uint32_t kBuffers[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                            ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
    const uint32_t ours = level <= 3 ? 1 : level <= 6 ? 2 : 3;
    isal_deflate_init(&stream_);
    stream_.gzip_flag = IGZIP_GZIP;
    stream_.level = ours;
    level_buffer_.resize(kBuffers[ours]);
    stream_.level_buf = level_buffer_.data();
    stream_.level_buf_size = kBuffers[ours];
  }

  Result<> Add(std::span<const std::byte> bytes, bool last, PackedFile& file) override {
    stream_.next_in = const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(bytes.data()));
    stream_.avail_in = static_cast<uint32_t>(bytes.size());
    stream_.end_of_stream = last ? 1 : 0;
    do {
      stream_.next_out = reinterpret_cast<uint8_t*>(output_.data());
      stream_.avail_out = kOutputBytes;
      if (int code = isal_deflate(&stream_); code != COMP_OK) {
        return Fail(ErrorKind::kSystem, "isa-l gave up on a layer ({})", code);
      }
      TRY(file.Write(std::span(output_).first(kOutputBytes - stream_.avail_out)));
    } while (stream_.avail_out == 0 || (last && stream_.internal_state.state != ZSTATE_END));
    return {};
  }

 private:
  isal_zstream stream_{};
  std::vector<uint8_t> level_buffer_;
  std::vector<std::byte> output_;
};

class ZstdPacker final : public Packer {
 public:
  explicit ZstdPacker(int64_t level) : context_(ZSTD_createCCtx()), output_(kOutputBytes) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, static_cast<int>(level));
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<> Add(std::span<const std::byte> bytes, bool last, PackedFile& file) override {
    ZSTD_inBuffer input{.src = bytes.data(), .size = bytes.size(), .pos = 0};
    while (true) {
      ZSTD_outBuffer output{.dst = output_.data(), .size = output_.size(), .pos = 0};
      size_t left = ZSTD_compressStream2(context_.get(), &output, &input,
                                         last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) {
        return Fail(ErrorKind::kSystem, "zstd gave up on a layer: {}", ZSTD_getErrorName(left));
      }
      TRY(file.Write(std::span(output_).first(output.pos)));
      if (last ? left == 0 : input.pos == input.size) return {};
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<std::byte> output_;
};

}  // namespace

Result<> CheckPackOptions(const PackOptions& options) {
  const bool gzip = options.format == PackFormat::kGzip;
  const int64_t most = gzip ? 9 : 19;
  if (!options.level || (*options.level >= 1 && *options.level <= most)) return {};
  return Fail(ErrorKind::kInvalidArgument, "{} has the compression levels 1 to {}, not {}",
              gzip ? "gzip" : "zstd", most, *options.level);
}

Result<PackedLayer> PackLayer(ByteSource& layer, const PackOptions& options, BorrowedFd file,
                              const std::function<Result<>(uint64_t)>& consumed) {
  TRY(CheckPackOptions(options));
  std::unique_ptr<Packer> packer;
  if (options.format == PackFormat::kGzip) {
    packer = std::make_unique<GzipPacker>(options.level.value_or(6));
  } else {
    packer = std::make_unique<ZstdPacker>(options.level.value_or(3));
  }
  PackedFile packed(file);
  ReadAhead tar(layer);
  uint64_t total = 0;
  while (true) {
    TRY(auto bytes, tar.Next());
    TRY(packer->Add(bytes, bytes.empty(), packed));
    if (bytes.empty()) break;
    total += bytes.size();
    TRY(consumed(total));
  }
  return PackedLayer{.digest = packed.Finish(), .size = packed.size(), .diff_id = tar.diff_id()};
}

}  // namespace hoy::oci
