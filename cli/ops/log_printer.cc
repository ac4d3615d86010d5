#include "cli/ops/log_printer.h"

#include <string.h>
#include <unistd.h>

#include "core/engine/session.h"
#include "core/sys/clock.h"

namespace hoy::cli {
namespace {

constexpr size_t kBatch = 256 * 1024;

core::LogStream Other(core::LogStream stream) {
  return stream == core::LogStream::kStdout ? core::LogStream::kStderr : core::LogStream::kStdout;
}

}  // namespace

Result<> LogOutput::Put(core::LogStream stream, std::string_view bytes) {
  TRY(Emit(Other(stream)));
  PendingOf(stream).append(bytes);
  return PendingOf(stream).size() >= kBatch ? Emit(stream) : Result<>{};
}

Result<> LogOutput::Emit(core::LogStream stream) {
  std::string& pending = PendingOf(stream);
  if (pending.empty()) return {};
  int fd = stream == core::LogStream::kStdout ? STDOUT_FILENO : STDERR_FILENO;
  TRY(bool written, core::WriteOutput(fd, pending));
  if (!written) closed_ = true;
  pending.clear();
  return {};
}

Result<> LogOutput::Flush() {
  TRY(Emit(core::LogStream::kStdout));
  return Emit(core::LogStream::kStderr);
}

LogPrinter::LogPrinter(LogOutput& output, LogStyle style, std::string name)
    : output_(output),
      style_(std::move(style)),
      name_(std::move(name)),
      lines_([this](core::LogStream stream, core::Timestamp time, std::string_view line) {
        if (divert_) {
          divert_({stream, time, std::string(line)});
        } else if (auto printed = PrintLine(stream, time, line); !printed) {
          failed_ = std::move(printed);
        }
      }) {}

Result<> LogPrinter::Add(const core::LogFrame& frame) {
  if (frame.stream == core::LogStream::kLost) {
    uint64_t lost = 0;
    if (frame.payload.size() != sizeof lost) return {};
    memcpy(&lost, frame.payload.data(), sizeof lost);
    return TellLoss(lost);
  }
  if (!Shows(frame.stream)) return {};
  // Bytes as they came: nothing to put together, nothing to copy.
  if (!style_.WantsLines() && !divert_) return output_.Put(frame.stream, frame.payload);
  lines_.Add(frame);
  return std::exchange(failed_, {});
}

Result<> LogPrinter::Finish() {
  lines_.Flush();
  return std::exchange(failed_, {});
}

Result<> LogPrinter::PrintLine(core::LogStream stream, core::Timestamp time,
                               std::string_view line) {
  std::string_view text = line;
  bool ends = text.ends_with('\n');
  if (ends) text.remove_suffix(1);
  if (style_.pattern && !style_.pattern->Matches(text)) return {};
  const std::string& prefix = style_.prefix[stream == core::LogStream::kStdout ? 0 : 1];
  text_ = prefix;
  if (style_.timestamps) {
    if (time != stamped_time_) {
      stamped_time_ = time;
      stamp_ = core::FormatRfc3339(time);
    }
    text_.append(stamp_).append(" ");
  }
  if (style_.details) text_.append(*style_.details).append(" ");
  text_.append(line);
  // Somebody else's line may come next.
  if (!ends && !prefix.empty()) text_ += '\n';
  return output_.Put(stream, text_);
}

Result<> LogPrinter::TellLoss(uint64_t bytes) {
  if (bytes == 0) return {};
  return output_.Put(core::LogStream::kStderr,
                     fmt::format("hoy: {}: {} bytes are missing here: the log could not be "
                                 "written (disk full?)\n",
                                 name_, bytes));
}

Result<> LogPrinter::TellGap() {
  return output_.Put(core::LogStream::kStderr,
                     fmt::format("hoy: {}: output is missing here: its part of the log was rotated "
                                 "away before it was read\n",
                                 name_));
}

}  // namespace hoy::cli
