// The form of frame.h.

#include <string.h>

#include <vector>

#include "core/log/log_file.h"
#include "core/log/make_log_file.h"
#include "core/log/read_window.h"

namespace hoy::core {
namespace {

Error Damaged(uint64_t offset) {
  return MakeError(ErrorKind::kCorrupt, fmt::format("the log is damaged at byte {}", offset));
}

class FrameFile final : public LogFile {
 public:
  explicit FrameFile(Fd fd) : window_(std::move(fd)) {}

  Result<std::optional<LogFrame>> Next() override {
    uint64_t gap = GapAt(window_.offset());
    TRY(bool has_header, window_.Fill(gap + sizeof(FrameHeader)));
    if (!has_header) return std::nullopt;
    window_.Skip(gap);
    FrameHeader header{};
    for (bool again = false;; again = true) {
      if (window_.bytes().size() < sizeof header) return std::nullopt;
      memcpy(&header, window_.bytes().data(), sizeof header);
      if (!IsFrame(header)) return Fail(Damaged(window_.offset()));
      if (window_.bytes().size() >= FrameSize(header.length)) break;
      if (again) return std::nullopt;
      TRY(window_.Fill(FrameSize(header.length)));
    }
    LogFrame frame{header.stream, header.time_ns,
                   window_.bytes().substr(sizeof header, header.length), window_.offset()};
    window_.Skip(FrameSize(header.length));
    return frame;
  }

  Result<std::optional<LogFrame>> Previous() override {
    if (back_ > 0 && back_ % kLogBlock == 0) {
      uint8_t gap = 0;
      TRY(size_t count, window_.ReadAt(back_ - 1, &gap, sizeof gap));
      if (count != 1 || gap >= kLeastFrame) return Fail(Damaged(back_));
      back_ -= gap;
    }
    if (back_ == 0) return std::nullopt;
    FrameTrailer length = 0;
    if (back_ < FrameSize(1)) return Fail(Damaged(0));
    TRY(size_t count, window_.ReadAt(back_ - sizeof length, &length, sizeof length));
    if (count != sizeof length || length == 0 || length > kMaxFramePayload ||
        FrameSize(length) > back_) {
      return Fail(Damaged(back_));
    }
    back_ -= FrameSize(length);
    scratch_.resize(sizeof(FrameHeader) + length);
    TRY(count, window_.ReadAt(back_, scratch_.data(), scratch_.size()));
    FrameHeader header{};
    memcpy(&header, scratch_.data(), sizeof header);
    if (count != scratch_.size() || !IsFrame(header) || header.length != length) {
      return Fail(Damaged(back_));
    }
    return LogFrame{
        header.stream, header.time_ns, {scratch_.data() + sizeof header, length}, back_};
  }

  // Whole frames are counted from the beginning of the last block: a cut one may hold anything.
  Result<uint64_t> SeekToEnd() override {
    TRY(uint64_t size, window_.FileSize());
    uint64_t good = size / kLogBlock * kLogBlock;
    std::vector<char> block(size - good);
    TRY(size_t count, window_.ReadAt(good, block.data(), block.size()));
    uint64_t begin = good;
    while (good - begin + sizeof(FrameHeader) <= count) {
      FrameHeader header{};
      memcpy(&header, block.data() + (good - begin), sizeof header);
      if (!IsFrame(header)) return Fail(Damaged(good));
      uint64_t next = good + FrameSize(header.length);
      if (next - begin > count) break;
      good = next;
    }
    back_ = good;
    return good;
  }

  uint64_t offset() const override { return window_.offset() + GapAt(window_.offset()); }
  void SeekTo(uint64_t offset) override { window_.SeekTo(offset); }

  Result<> SeekToTime(Timestamp time) override {
    TRY(uint64_t size, window_.FileSize());
    // The last block that begins with an older frame; the one that is looked for is behind that.
    uint64_t low = 0;
    uint64_t high = size / kLogBlock;
    while (low < high) {
      uint64_t middle = low + (high - low + 1) / 2;
      TRY(std::optional<FrameHeader> header, HeaderAt(middle * kLogBlock));
      if (header && header->time_ns < time) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    uint64_t offset = low * kLogBlock;
    while (true) {
      offset += GapAt(offset);
      TRY(std::optional<FrameHeader> header, HeaderAt(offset));
      if (!header || header->time_ns >= time) break;
      offset += FrameSize(header->length);
    }
    window_.SeekTo(offset);
    return {};
  }

  BorrowedFd fd() const override { return window_.fd(); }

 private:
  // nullopt: the file ends before.
  Result<std::optional<FrameHeader>> HeaderAt(uint64_t offset) const {
    FrameHeader header{};
    TRY(size_t count, window_.ReadAt(offset, &header, sizeof header));
    if (count < sizeof header) return std::nullopt;
    if (!IsFrame(header)) return Fail(Damaged(offset));
    return header;
  }

  ReadWindow window_;
  uint64_t back_ = 0;
  std::vector<char> scratch_;
};

}  // namespace

std::unique_ptr<LogFile> MakeFrameFile(Fd fd) {
  return std::make_unique<FrameFile>(std::move(fd));
}

std::unique_ptr<LogFile> MakeLogFile(LogForm form, Fd fd) {
  return form == LogForm::kJson ? MakeJsonFile(std::move(fd)) : MakeFrameFile(std::move(fd));
}

}  // namespace hoy::core
