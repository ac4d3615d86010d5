#pragma once
// One file of a log, whatever its form.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/log/frame.h"
#include "core/sys/clock.h"

namespace hoy::core {

struct LogFrame {
  LogStream stream = LogStream::kStdout;
  Timestamp time = 0;
  std::string_view payload;  // valid until the next call of Next or Previous
  uint64_t offset = 0;       // where it begins in its file
};

// The file may grow while it is read; what is not whole yet (or was cut by a crash) is not there
// yet. kCorrupt: the file is not a log.
class LogFile {
 public:
  virtual ~LogFile() = default;

  // From the front, or from where SeekTo and SeekToTime have put it; nullopt: none for now.
  virtual Result<std::optional<LogFrame>> Next() = 0;

  // Backwards from where SeekToEnd has put it; nullopt: that was the first.
  virtual Result<std::optional<LogFrame>> Previous() = 0;
  virtual Result<uint64_t> SeekToEnd() = 0;  // where the last whole frame ends

  virtual void SeekTo(uint64_t offset) = 0;  // of a frame
  virtual uint64_t offset() const = 0;       // of the next frame
  // The first that is not older than `time`, by bisection: a clock that was set back makes it miss.
  virtual Result<> SeekToTime(Timestamp time) = 0;

  virtual BorrowedFd fd() const = 0;
};

enum class LogForm { kFrames, kJson };

std::unique_ptr<LogFile> MakeLogFile(LogForm form, Fd fd);

}  // namespace hoy::core
