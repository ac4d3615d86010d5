#pragma once
// Appends what a container writes to its log (core/log/frame.h has the form).
//
// A log that cannot be written (disk full) never stops the container: what could not be appended is
// taken back whole, so that no reader sees half a frame, and `error` remembers why.

#include <cstdint>

#include "core/log/frame.h"

namespace hoy::core {

constexpr uint64_t kNotLogged = ~uint64_t{0};

// A frame laid out so that one write(2) logs it: whoever reads a stream puts the payload in place.
struct LogBuffer {
  alignas(8) char frame[sizeof(FrameHeader) + kMaxFramePayload + sizeof(FrameTrailer)];

  char* payload() { return frame + sizeof(FrameHeader); }
};

class LogWriter {
 public:
  // Opens the log for appending, or makes it. `after_crash`: a monitor that was killed may have
  // left half a frame at its end, which is cut off. 0, or an errno.
  int Open(const char* path, bool after_crash);

  // Appends the first `length` bytes of the buffer's payload as one frame. Its place: how much of
  // the log there was before it. kNotLogged: it could not be appended.
  uint64_t Write(LogStream stream, LogBuffer& buffer, uint32_t length);

  // Once, at the end: nothing is written after it.
  void Sync();

  // How much of the log there is: the place of the next frame.
  uint64_t end() const { return end_; }
  int error() const { return error_; }

 private:
  int fd_ = -1;
  uint64_t end_ = 0;
  bool written_ = false;
  int error_ = 0;
};

}  // namespace hoy::core
