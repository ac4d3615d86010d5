#pragma once
// Cuts what a stream brings into lines, as docker does (daemon/logger/copier.go of moby): a line
// that fills the buffer without an end comes in parts, which have the time of the first.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/log/frame.h"
#include "core/log/json_line.h"

namespace hoy::core {

struct LogMessage {
  LogStream stream = LogStream::kStdout;
  int64_t time = 0;
  std::string_view text;  // without the newline
  bool ends = true;       // false: its line goes on
};

class LineSplitter {
 public:
  // Takes from the front of `bytes`; false: all is taken, and there is no message yet.
  bool Next(std::string_view* bytes, int64_t time, LogMessage* message);
  // What is left of a line that never ended.
  bool Rest(int64_t time, LogMessage* message);

 private:
  void Stamp(int64_t time, bool ends, LogMessage* message);

  char held_[kJsonPart];
  size_t used_ = 0;
  bool in_parts_ = false;
  int64_t parts_time_ = 0;
};

}  // namespace hoy::core
