#pragma once
// Between a foreground client (hoy run, hoy start -a) and hoy-monitor: SOCK_SEQPACKET, one packet a
// message, its first byte the kind.
//
//   | kind    | from    | payload             | meaning                                           |
//   |---------|---------|---------------------|---------------------------------------------------|
//   | kStdout | monitor | bytes               | from the container's stdout, or its terminal      |
//   | kStderr | monitor | bytes               |                                                   |
//   | kExit   | monitor | int32 exit code     | all output came before; the exit is published     |
//   | kStdin  | client  | bytes               | for the container's stdin or terminal             |
//   | kClose  | client  |                     | stdin is at its end                               |
//   | kResize | client  | uint16 rows, cols   | the client's window changed                       |
//   | kDone   | client  |                     | after kExit: the client has cleaned up            |
//
// A client that goes away is forgotten and the container runs on. After kExit without kDone the
// monitor execs the clean-up itself. A slow client slows the container down (nothing is dropped).

#include <cstdint>

namespace hoy::core {

enum class AttachKind : uint8_t { kStdout = 1, kStderr = 2, kExit, kStdin, kClose, kResize, kDone };

constexpr uint32_t kMaxAttachPayload = 64 * 1024;
constexpr uint32_t kMaxStdinPayload = 16 * 1024;

struct WindowSize {
  uint16_t rows;
  uint16_t columns;
};

}  // namespace hoy::core
