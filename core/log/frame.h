#pragma once
// The log of a container's standard streams, as the driver "file" keeps it: what hoy-monitor
// appends and `hoy logs` reads.
//
//   frame = FrameHeader | payload[length] | uint32_t length        (host byte order)
//
// A frame is what one read(2) from a stream gave, at one time: many whole lines, or a part of one.
// Nothing is re-encoded, so no byte can be torn or lost, a line costs no more than its bytes, and
// the header lets a reader skip by time; the length at the end lets it walk backwards. Lines are
// put together by the reader (line_assembler.h). A monitor that was killed while it wrote leaves a
// cut frame at the end: its reader stops there, and the next monitor truncates it.
//
// No frame crosses a multiple of kLogBlock of its file, where another begins: what reads are cut
// to. So a place in the middle is found without reading what is before it (SeekToTime bisects), and
// nothing that a container writes can be taken for a frame. Where less than kLeastFrame is left
// before the multiple, each of the bytes that are left holds their count; a frame ends in a zero.

#include <cstdint>

namespace hoy::core {

constexpr uint32_t kFrameMagic = 0x31594f48;  // "HOY1"
constexpr uint32_t kMaxFramePayload = 64 * 1024 - 64;
constexpr uint64_t kLogBlock = 1 << 20;

enum class LogStream : uint32_t {
  kStdout = 1,
  kStderr = 2,
  // Not a stream: a note that output is missing here, as the log could not be written. The payload
  // is the number of bytes, a uint64_t.
  kLost = 3,
};

struct FrameHeader {
  uint32_t magic;
  uint32_t length;  // of the payload, 1 .. kMaxFramePayload
  LogStream stream;
  uint32_t reserved;
  int64_t time_ns;  // wall clock, when the bytes were read
};
using FrameTrailer = uint32_t;  // the length again

constexpr uint64_t kFrameOverhead = sizeof(FrameHeader) + sizeof(FrameTrailer);
constexpr uint64_t kLeastFrame = kFrameOverhead + 1;

// A place in a log of any number of files (rotated_files.h): the number of the file, and where in
// it. Places only grow, whatever is rotated, and 0 is before all of them.
constexpr int kPlaceOffsetBits = 40;
constexpr uint64_t kMostPlacedFiles = uint64_t{1} << (64 - kPlaceOffsetBits);
constexpr uint64_t kNotLogged = ~uint64_t{0};  // no place

constexpr uint64_t LogPlace(uint64_t file, uint64_t offset) {
  return (file << kPlaceOffsetBits) + offset;
}
constexpr uint64_t FileOfPlace(uint64_t place) {
  return place >> kPlaceOffsetBits;
}
constexpr uint64_t OffsetOfPlace(uint64_t place) {
  return place & ((uint64_t{1} << kPlaceOffsetBits) - 1);
}

constexpr uint64_t FrameSize(uint32_t length) {
  return kFrameOverhead + length;
}

constexpr bool IsFrame(const FrameHeader& header) {
  return header.magic == kFrameMagic && header.length > 0 && header.length <= kMaxFramePayload &&
         header.stream >= LogStream::kStdout && header.stream <= LogStream::kLost;
}

// How many bytes to skip at `offset`, where the next frame would begin.
constexpr uint64_t GapAt(uint64_t offset) {
  uint64_t room = kLogBlock - offset % kLogBlock;
  return room < kLeastFrame ? room : 0;
}

}  // namespace hoy::core
