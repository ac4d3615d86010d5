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
  frame.payload.remove_prefix(std::min<uint64_t>(std::exchange(skip_, 0), frame.payload.size()));
  begin_ += size;
  offset_ += size;
  return frame;
}

Result<std::optional<FrameHeader>> LogReader::HeaderAt(uint64_t offset) {
  FrameHeader header{};
  ssize_t count = pread(fd_.get(), &header, sizeof header, static_cast<off_t>(offset));
  if (count < 0) return FailErrno("read", "log");
  if (count < static_cast<ssize_t>(sizeof header)) return std::nullopt;
  if (!IsFrame(header)) return Fail(Damaged(offset));
  return header;
}

Result<> LogReader::SeekToTime(Timestamp time) {
  begin_ = end_ = 0;
  while (true) {
    TRY(std::optional<FrameHeader> header, HeaderAt(offset_));
    if (!header || header->time_ns >= time) return {};
    offset_ += FrameSize(header->length);
  }
}

// Counts newlines from the end of the file. The walk needs the last frame to be whole; where a
// crash cut it, the end is found from the front first.
Result<> LogReader::SeekToTail(uint64_t lines) {
  begin_ = end_ = 0;
  struct stat status{};
  if (fstat(fd_.get(), &status) != 0) return FailErrno("stat", "log");
  auto end = static_cast<uint64_t>(status.st_size);
  uint64_t at = end;
  uint64_t found = 0;
  bool last_frame = true;
  std::vector<char> payload(kMaxFramePayload);
  while (at > 0) {
    FrameTrailer length = 0;
    bool readable = at >= FrameSize(1) && pread(fd_.get(), &length, sizeof length,
                                                static_cast<off_t>(at - sizeof length)) ==
                                              static_cast<ssize_t>(sizeof length);
    std::optional<FrameHeader> header;
    if (readable && length > 0 && length <= kMaxFramePayload && FrameSize(length) <= at) {
      auto candidate = HeaderAt(at - FrameSize(length));
      if (candidate && *candidate && (*candidate)->length == length) header = *candidate;
    }
    if (!header) {
      if (at != end) return Fail(Damaged(at));
      uint64_t good = 0;
      while (true) {
        auto next = HeaderAt(good);
        if (!next || !*next || good + FrameSize((*next)->length) > end) break;
        good += FrameSize((*next)->length);
      }
      at = end = good;
      if (good == 0) break;
      continue;
    }
    uint64_t start = at - FrameSize(length);
    ssize_t count =
        pread(fd_.get(), payload.data(), length, static_cast<off_t>(start + sizeof(FrameHeader)));
    if (count != static_cast<ssize_t>(length)) return FailErrno("read", "log");
    size_t position = length;
    // The newline that ends the very last line opens no line after it.
    if (std::exchange(last_frame, false) && payload[length - 1] == '\n') --position;
    while (position > 0) {
      const void* newline = memrchr(payload.data(), '\n', position);
      if (newline == nullptr) break;
      position = static_cast<size_t>(static_cast<const char*>(newline) - payload.data());
      if (++found < lines) continue;
      offset_ = start;
      skip_ = position + 1;
      if (skip_ == length) {
        offset_ = at;
        skip_ = 0;
      }
      return {};
    }
    at = start;
  }
  offset_ = 0;
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
