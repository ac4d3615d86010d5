#include "core/monitor/line_splitter.h"

#include <string.h>

namespace hoy::core {

void LineSplitter::Stamp(int64_t time, bool ends, LogMessage* message) {
  if (!in_parts_ && !ends) parts_time_ = time;
  message->time = in_parts_ || !ends ? parts_time_ : time;
  message->ends = ends;
  in_parts_ = !ends;
}

bool LineSplitter::Next(std::string_view* bytes, int64_t time, LogMessage* message) {
  size_t room = kJsonPart - used_;
  size_t look = bytes->size() < room ? bytes->size() : room;
  size_t length = 0;
  while (length < look && (*bytes)[length] != '\n') ++length;
  bool ends = length < look;
  bool fills = !ends && length == room;
  // A whole line needs no copy.
  if (used_ == 0 && (ends || fills)) {
    message->text = bytes->substr(0, length);
  } else {
    memcpy(held_ + used_, bytes->data(), length);
    used_ += length;
    message->text = {held_, used_};
  }
  bytes->remove_prefix(length + (ends ? 1 : 0));
  if (!ends && !fills) return false;
  used_ = 0;
  Stamp(time, ends, message);
  return true;
}

bool LineSplitter::Rest(int64_t time, LogMessage* message) {
  if (used_ == 0) return false;
  message->text = {held_, used_};
  used_ = 0;
  Stamp(time, false, message);
  return true;
}

}  // namespace hoy::core
