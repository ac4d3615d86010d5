#pragma once
// Reads a container's log (frame.h has the form): as bytes again, or as lines with their times.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/log/frame.h"
#include "core/sys/clock.h"

namespace hoy::core {

struct LogFrame {
  LogStream stream = LogStream::kStdout;
  Timestamp time = 0;
  std::string_view payload;  // valid until the next call of Next
};

// Goes through a log file from some frame on. The file may grow meanwhile; a frame that is not
// whole yet (or was cut by a crash) is not there yet.
class LogReader {
 public:
  static Result<LogReader> Open(const std::string& path);

  // The next whole frame; nullopt: none for now. kCorrupt: the file is not a log.
  Result<std::optional<LogFrame>> Next();

  // Leaves out all but the last `lines` lines, counted where they end, of both streams together. A
  // line that began in an earlier frame comes with its beginning, and one that is not finished yet
  // is a line, too. Walks backwards from the end: its cost is that of the lines, not of the log.
  Result<> SeekToTail(uint64_t lines);

  // The place of the next frame: how much of the log is before it.
  uint64_t place() const { return offset_; }
  void SeekToPlace(uint64_t place);

  // Puts the reader on the first frame that is not older than `time`. Reads headers only.
  Result<> SeekToTime(Timestamp time);

  BorrowedFd fd() const { return fd_; }

 private:
  explicit LogReader(Fd fd) : fd_(std::move(fd)) {}
  Result<bool> Fill(uint64_t want);  // false: the file ends before
  Result<std::optional<FrameHeader>> HeaderAt(uint64_t offset);
  Result<std::optional<FrameHeader>> FrameBefore(uint64_t end);
  Result<uint64_t> EndOfWholeFrames();

  Fd fd_;
  uint64_t offset_ = 0;  // of buffer_[begin_] in the file
  // Of stdout and stderr: where in the file the first payload byte is that SeekToTail left in.
  std::array<uint64_t, 2> from_{};
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// Puts lines together from frames of two streams. A line's time is that of its first byte.
class LineAssembler {
 public:
  using Emit = std::function<void(LogStream stream, Timestamp time, std::string_view line)>;
  explicit LineAssembler(Emit emit) : emit_(std::move(emit)) {}

  void Add(const LogFrame& frame);  // emits every line that is whole, with its newline
  void Flush();                     // emits what is left, without one

 private:
  struct Partial {
    std::string text;
    Timestamp time = 0;
  };
  Partial& PartialOf(LogStream stream) { return stream == LogStream::kStdout ? out_ : err_; }

  Emit emit_;
  Partial out_;
  Partial err_;
};

}  // namespace hoy::core
