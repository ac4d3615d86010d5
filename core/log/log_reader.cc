#include "core/log/log_reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr size_t kReadAhead = 1 << 20;

bool IsFrame(const FrameHeader& header) {
  return header.magic == kFrameMagic && header.length > 0 && header.length <= kMaxFramePayload &&
         (header.stream == LogStream::kStdout || header.stream == LogStream::kStderr);
}

size_t IndexOf(LogStream stream) {
  return stream == LogStream::kStdout ? 0 : 1;
}

Error Damaged(uint64_t offset) {
  return MakeError(ErrorKind::kCorrupt, fmt::format("the log is damaged at byte {}", offset));
}

}  // namespace

Result<LogReader> LogReader::Open(const std::string& path) {
  TRY(Fd fd, OpenAt(kCwd, path, O_RDONLY));
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return LogReader(std::move(fd));
}

Result<bool> LogReader::Fill(uint64_t want) {
  if (end_ - begin_ >= want) return true;
  if (buffer_.empty()) buffer_.resize(kReadAhead);
  memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < want) {
    ssize_t count = pread(fd_.get(), buffer_.data() + end_, buffer_.size() - end_,
                          static_cast<off_t>(offset_ + end_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "log");
    if (count == 0) return false;
    end_ += static_cast<size_t>(count);
  }
  return true;
}

Result<std::optional<LogFrame>> LogReader::Next() {
  while (true) {
    TRY(bool has_header, Fill(sizeof(FrameHeader)));
    if (!has_header) return std::nullopt;
    FrameHeader header{};
    memcpy(&header, buffer_.data() + begin_, sizeof header);
    if (!IsFrame(header)) return Fail(Damaged(offset_));
    uint64_t size = FrameSize(header.length);
    TRY(bool whole, Fill(size));
    if (!whole) return std::nullopt;
    LogFrame frame{header.stream, header.time_ns,
                   std::string_view(buffer_.data() + begin_ + sizeof header, header.length)};
    uint64_t payload = offset_ + sizeof header;
    uint64_t from = std::max(from_[IndexOf(header.stream)], payload);
    begin_ += size;
    offset_ += size;
    if (from - payload >= header.length) continue;
    frame.payload.remove_prefix(from - payload);
    return frame;
  }
}

Result<std::optional<FrameHeader>> LogReader::HeaderAt(uint64_t offset) {
  FrameHeader header{};
  ssize_t count = pread(fd_.get(), &header, sizeof header, static_cast<off_t>(offset));
  if (count < 0) return FailErrno("read", "log");
  if (count < static_cast<ssize_t>(sizeof header)) return std::nullopt;
  if (!IsFrame(header)) return Fail(Damaged(offset));
  return header;
}

void LogReader::SeekToPlace(uint64_t place) {
  begin_ = end_ = 0;
  offset_ = place;
}

Result<> LogReader::SeekToTime(Timestamp time) {
  begin_ = end_ = 0;
  while (true) {
    TRY(std::optional<FrameHeader> header, HeaderAt(offset_));
    if (!header || header->time_ns >= time) return {};
    offset_ += FrameSize(header->length);
  }
}

// The header of the frame that ends at `end`; nullopt: none does.
Result<std::optional<FrameHeader>> LogReader::FrameBefore(uint64_t end) {
  FrameTrailer length = 0;
  if (end < FrameSize(1)) return std::nullopt;
  auto at = static_cast<off_t>(end - sizeof length);
  if (pread(fd_.get(), &length, sizeof length, at) != static_cast<ssize_t>(sizeof length)) {
    return FailErrno("read", "log");
  }
  if (length == 0 || length > kMaxFramePayload || FrameSize(length) > end) return std::nullopt;
  auto header = HeaderAt(end - FrameSize(length));
  if (!header || !*header || (*header)->length != length) return std::nullopt;
  return **header;
}

// The end of the file, unless a crash cut the last frame: then it is found from the front.
Result<uint64_t> LogReader::EndOfWholeFrames() {
  struct stat status{};
  if (fstat(fd_.get(), &status) != 0) return FailErrno("stat", "log");
  auto end = static_cast<uint64_t>(status.st_size);
  TRY(std::optional<FrameHeader> last, FrameBefore(end));
  if (last) return end;
  uint64_t good = 0;
  while (true) {
    auto next = HeaderAt(good);
    if (!next || !*next || good + FrameSize((*next)->length) > end) return good;
    good += FrameSize((*next)->length);
  }
}

Result<> LogReader::SeekToTail(uint64_t lines) {
  begin_ = end_ = 0;
  TRY(uint64_t end, EndOfWholeFrames());
  enum class Phase { kUnseen, kInLine, kDone };
  struct Stream {
    Phase phase = Phase::kUnseen;
    uint64_t frame;  // that holds the beginning of its first line to show
  };
  Stream streams[2] = {{Phase::kUnseen, end}, {Phase::kUnseen, end}};
  from_ = {end, end};
  uint64_t counted = 0;
  std::vector<char> payload(kMaxFramePayload);
  auto wanted = [&](const Stream& stream) {
    return stream.phase == Phase::kInLine || (stream.phase == Phase::kUnseen && counted < lines);
  };
  for (uint64_t at = end; at > 0 && (wanted(streams[0]) || wanted(streams[1]));) {
    TRY(std::optional<FrameHeader> header, FrameBefore(at));
    if (!header) return Fail(Damaged(at));
    uint64_t start = at - FrameSize(header->length);
    at = start;
    size_t index = IndexOf(header->stream);
    Stream& stream = streams[index];
    if (!wanted(stream)) continue;
    uint64_t first = start + sizeof(FrameHeader);
    ssize_t count = pread(fd_.get(), payload.data(), header->length, static_cast<off_t>(first));
    if (count != static_cast<ssize_t>(header->length)) return FailErrno("read", "log");
    size_t position = header->length;
    if (stream.phase == Phase::kUnseen) {
      // The last line of its stream, whether its newline is there or not.
      ++counted;
      stream.phase = Phase::kInLine;
      if (payload[position - 1] == '\n') --position;
    }
    while (position > 0) {
      const void* newline = memrchr(payload.data(), '\n', position);
      if (newline == nullptr) break;
      position = static_cast<size_t>(static_cast<const char*>(newline) - payload.data());
      from_[index] = first + position + 1;
      stream.frame = start;
      if (counted == lines) {
        stream.phase = Phase::kDone;
        break;
      }
      ++counted;
    }
    if (stream.phase == Phase::kInLine) {
      from_[index] = first;
      stream.frame = start;
    }
  }
  offset_ = std::min(streams[0].frame, streams[1].frame);
  return {};
}

void LineAssembler::Add(const LogFrame& frame) {
  Partial& partial = PartialOf(frame.stream);
  std::string_view rest = frame.payload;
  while (!rest.empty()) {
    size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) {
      if (partial.text.empty()) partial.time = frame.time;
      partial.text.append(rest);
      return;
    }
    std::string_view line = rest.substr(0, newline + 1);
    rest.remove_prefix(newline + 1);
    if (partial.text.empty()) {
      emit_(frame.stream, frame.time, line);
    } else {
      partial.text.append(line);
      emit_(frame.stream, partial.time, partial.text);
      partial.text.clear();
    }
  }
}

void LineAssembler::Flush() {
  for (LogStream stream : {LogStream::kStdout, LogStream::kStderr}) {
    Partial& partial = PartialOf(stream);
    if (!partial.text.empty()) emit_(stream, partial.time, partial.text);
    partial.text.clear();
  }
}

}  // namespace hoy::core
