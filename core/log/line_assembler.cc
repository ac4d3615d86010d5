#include "core/log/line_assembler.h"

namespace hoy::core {

void LineAssembler::Add(const LogFrame& frame) {
  if (frame.stream == LogStream::kLost) return;
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
