#pragma once
// Reads a container's log as one sequence of frames, whatever its form and in however many files it
// lies (rotated_files.h).
//
// A reader may go on while the log is written and rotated. It holds the file that it is in open, so
// nothing is lost or doubled by a rotation, killed at whatever point; only what was pruned before
// it got there is missing.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "core/log/log_file.h"
#include "core/log/rotated_files.h"

namespace hoy::core {

class LogReader {
 public:
  // `path` is that of the file that is written now. Begins at `place`, or with the first file that
  // is there still. kNotFound: there is no log.
  static Result<LogReader> Open(const std::string& path, LogForm form = LogForm::kFrames,
                                uint64_t place = 0);

  // The next whole frame; nullopt: none for now. kCorrupt: a file is not a log.
  Result<std::optional<LogFrame>> Next();

  // Leaves out all but the last `lines` lines, counted where they end, of both streams together. A
  // line that began in an earlier frame comes with its beginning, and one that is not finished yet
  // is a line, too. Walks backwards from the end: its cost is that of the lines, not of the log.
  Result<> SeekToTail(uint64_t lines);

  // Behind what has been read, as the log's writer counts (frame.h).
  uint64_t place() const { return LogPlace(number_, file_->offset()); }
  Result<> SeekToPlace(uint64_t place);
  // The place behind all that is there now.
  Result<uint64_t> End() const;
  // Whether files that came next were gone already, since the last call.
  bool TakeGap() { return std::exchange(gap_, false); }
  BorrowedFd fd() const { return file_->fd(); }

  // Puts the reader on the first frame that is not older than `time`, by bisection.
  Result<> SeekToTime(Timestamp time);

 private:
  struct Place {
    uint64_t file = 0;
    uint64_t offset = 0;
    auto operator<=>(const Place&) const = default;
  };
  // One of the streams in SeekToTail, seen from its end.
  struct Tail {
    enum class Phase { kUnseen, kInLine, kDone } phase = Phase::kUnseen;
    Place place;      // of the frame that holds the beginning of its first line to show
    size_t skip = 0;  // bytes of that frame's payload before the line
    void Count(const LogFrame& frame, uint64_t file, uint64_t lines, uint64_t* counted);
  };

  LogReader(RotatedFiles files, LogForm form) : files_(std::move(files)), form_(form) {}
  Result<bool> IsRotated() const;
  Result<> Advance();
  Result<> Read(OpenedFile opened);
  Result<std::optional<OpenedFile>> OpenLast() const;

  RotatedFiles files_;
  LogForm form_;
  std::unique_ptr<LogFile> file_;
  uint64_t number_ = 0;    // what file_ is called once it is rotated
  bool complete_ = false;  // it is: nothing more is written to it
  bool gap_ = false;
  std::array<Tail, 2> from_;  // what SeekToTail left in, of stdout and stderr
};

}  // namespace hoy::core
