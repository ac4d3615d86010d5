// xz and bzip2: formats of archives that people made by hand.

#include <bzlib.h>
#include <lzma.h>

#include <algorithm>

#include "oci/layer/decompress_input.h"

namespace hoy::oci {
namespace {

constexpr uint64_t kMaxXzMemory = 256 << 20;  // xz -9 needs 65 MiB
constexpr size_t kMaxStep = 1U << 30;         // bzip2 counts in unsigned

class XzSource final : public ByteSource {
 public:
  explicit XzSource(std::unique_ptr<CompressedInput> input) : input_(std::move(input)) {}
  XzSource(const XzSource&) = delete;
  XzSource& operator=(const XzSource&) = delete;
  ~XzSource() override { lzma_end(&stream_); }

  Result<> Start() {
    if (lzma_stream_decoder(&stream_, kMaxXzMemory, LZMA_CONCATENATED) == LZMA_OK) return {};
    return Fail(ErrorKind::kSystem, "xz: out of memory");
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    stream_.next_out = reinterpret_cast<uint8_t*>(buffer.data());
    stream_.avail_out = buffer.size();
    while (!finished_ && stream_.avail_out == buffer.size()) {
      if (input_->bytes().empty()) {
        TRY(bool more, input_->Fill());
        at_end_ = !more;
      }
      auto bytes = input_->bytes();
      stream_.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
      stream_.avail_in = bytes.size();
      lzma_ret code = lzma_code(&stream_, at_end_ ? LZMA_FINISH : LZMA_RUN);
      input_->Consume(bytes.size() - stream_.avail_in);
      if (code == LZMA_STREAM_END) finished_ = true;
      if (code == LZMA_BUF_ERROR) return Fail(ErrorKind::kCorrupt, "xz: the data ends early");
      if (code == LZMA_MEMLIMIT_ERROR) {
        return Fail(ErrorKind::kCorrupt, "xz: it wants more than {} MiB to be unpacked",
                    kMaxXzMemory >> 20);
      }
      if (code != LZMA_OK && code != LZMA_STREAM_END) {
        return Fail(ErrorKind::kCorrupt, "xz: the data is damaged");
      }
    }
    return buffer.size() - stream_.avail_out;
  }

 private:
  std::unique_ptr<CompressedInput> input_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool at_end_ = false;
  bool finished_ = false;
};

// One stream after the other, as bzip2(1) -d takes them and pbzip2 writes them.
class Bzip2Source final : public ByteSource {
 public:
  explicit Bzip2Source(std::unique_ptr<CompressedInput> input) : input_(std::move(input)) {}
  Bzip2Source(const Bzip2Source&) = delete;
  Bzip2Source& operator=(const Bzip2Source&) = delete;
  ~Bzip2Source() override {
    if (in_stream_) BZ2_bzDecompressEnd(&stream_);
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    auto room = static_cast<unsigned>(std::min(buffer.size(), kMaxStep));
    unsigned left = room;
    while (left == room) {
      if (input_->bytes().empty()) {
        TRY(bool more, input_->Fill());
        if (!more && !in_stream_) return 0;
        if (!more) return Fail(ErrorKind::kCorrupt, "bzip2: the data ends early");
      }
      if (!in_stream_) {
        stream_ = {};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) {
          return Fail(ErrorKind::kSystem, "bzip2: out of memory");
        }
        in_stream_ = true;
      }
      auto bytes = input_->bytes();
      stream_.next_in = reinterpret_cast<char*>(const_cast<std::byte*>(bytes.data()));
      stream_.avail_in = static_cast<unsigned>(bytes.size());
      stream_.next_out = reinterpret_cast<char*>(buffer.data());
      stream_.avail_out = room;
      int code = BZ2_bzDecompress(&stream_);
      input_->Consume(bytes.size() - stream_.avail_in);
      left = stream_.avail_out;
      if (code == BZ_STREAM_END) {
        BZ2_bzDecompressEnd(&stream_);
        in_stream_ = false;
      } else if (code != BZ_OK) {
        return Fail(ErrorKind::kCorrupt, "bzip2: the data is damaged");
      }
    }
    return room - left;
  }

 private:
  std::unique_ptr<CompressedInput> input_;
  bz_stream stream_{};
  bool in_stream_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenXz(std::unique_ptr<CompressedInput> input) {
  auto source = std::make_unique<XzSource>(std::move(input));
  TRY(source->Start());
  return source;
}

Result<std::unique_ptr<ByteSource>> OpenBzip2(std::unique_ptr<CompressedInput> input) {
  return std::make_unique<Bzip2Source>(std::move(input));
}

}  // namespace hoy::oci
