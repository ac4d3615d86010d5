#pragma once
// What `hoy logs` writes: a container's stdout to ours, its stderr to ours, in the order in which
// they were written, as bytes or as lines with something before them.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/ops/line_pattern.h"
#include "core/base/result.h"
#include "core/log/line_assembler.h"
#include "core/log/log_file.h"

namespace hoy::cli {

// Both streams of this program, whoever is printed.
class LogOutput {
 public:
  // The other stream's bytes came before these.
  Result<> Put(core::LogStream stream, std::string_view bytes);
  Result<> Flush();
  bool closed() const { return closed_; }  // nobody reads what we write

 private:
  Result<> Emit(core::LogStream stream);
  std::string& PendingOf(core::LogStream stream) {
    return stream == core::LogStream::kStdout ? out_ : err_;
  }

  std::string out_;
  std::string err_;
  bool closed_ = false;
};

struct LogStyle {
  bool out = true;  // which streams
  bool err = true;
  bool timestamps = false;
  std::optional<std::string> details;  // --details: before each line, behind the time
  std::optional<LinePattern> pattern;
  std::string prefix[2];  // before each line, on stdout and stderr

  // Something is done to lines, so that they have to be put together.
  bool WantsLines() const { return timestamps || details || pattern || !prefix[0].empty(); }
};

// One container's.
class LogPrinter {
 public:
  struct Line {
    core::LogStream stream;
    core::Timestamp time;
    std::string text;
  };

  LogPrinter(LogOutput& output, LogStyle style, std::string name);
  LogPrinter(const LogPrinter&) = delete;
  LogPrinter& operator=(const LogPrinter&) = delete;

  Result<> Add(const core::LogFrame& frame);
  Result<> Finish();  // a last line without an end

  // While it is set, lines go there instead: they are to be sorted.
  void Divert(std::function<void(Line)> to) { divert_ = std::move(to); }
  Result<> PrintLine(core::LogStream stream, core::Timestamp time, std::string_view line);
  Result<> TellLoss(uint64_t bytes);
  Result<> TellGap();

 private:
  bool Shows(core::LogStream stream) const {
    return stream == core::LogStream::kStdout ? style_.out : style_.err;
  }

  LogOutput& output_;
  LogStyle style_;
  std::string name_;
  core::LineAssembler lines_;
  std::function<void(Line)> divert_;
  Result<> failed_;
  core::Timestamp stamped_time_ = -1;
  std::string stamp_;
  std::string text_;
};

}  // namespace hoy::cli
