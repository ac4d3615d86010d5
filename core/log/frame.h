#pragma once
// The log of a container's standard streams: what hoy-monitor appends and `hoy logs` reads.
//
//   frame = FrameHeader | payload[length] | uint32_t length        (host byte order)
//
// A frame is what one read(2) from a stream gave, at one time: many whole lines, or a part of one.
// Nothing is re-encoded, so no byte can be torn or lost, a line costs no more than its bytes, and
// the header lets a reader skip by time; the length at the end lets it walk backwards. Lines are
// put together by the reader (log_reader.h). A monitor that was killed while it wrote leaves a cut
// frame at the end: its reader stops there, and the next monitor truncates it.

#include <cstdint>

namespace hoy::core {

constexpr uint32_t kFrameMagic = 0x31594f48;  // "HOY1"
constexpr uint32_t kMaxFramePayload = 64 * 1024 - 64;

enum class LogStream : uint32_t { kStdout = 1, kStderr = 2 };

struct FrameHeader {
  uint32_t magic;
  uint32_t length;  // of the payload, 1 .. kMaxFramePayload
  LogStream stream;
  uint32_t reserved;
  int64_t time_ns;  // wall clock, when the bytes were read
};
using FrameTrailer = uint32_t;  // the length again

constexpr uint64_t FrameSize(uint32_t length) {
  return sizeof(FrameHeader) + length + sizeof(FrameTrailer);
}

}  // namespace hoy::core
