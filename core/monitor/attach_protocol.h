#pragma once
// Between the clients of a container's streams (hoy run, start -a, attach) and hoy-monitor:
// SOCK_SEQPACKET, one packet a message. The client that starts a container brings its socket along
// (MonitorFd kAttachFd); others connect to RUN/containers/<id>/attach.sock, as many as like.
//
// From the monitor, an AttachHeader and a payload:
//
//   | kind      | number           | payload | meaning                                  |
//   |-----------|------------------|---------|------------------------------------------|
//   | kAttached | end of the log   |         | answers a connect; end: kAttachRevision  |
//   | kBusy     |                  |         | or this does: too many clients           |
//   | kStdout   | its place in log | bytes   | from its stdout, or its terminal         |
//   | kStderr   | its place in log | bytes   |                                          |
//   | kLogged   | end of the log   |         | the client lagged: it came into the log  |
//   | kSkipped  | how many bytes   |         | it lagged, and these are in no log       |
//   | kTaken    |                  |         | answers kNetwork                         |
//   | kExit     | code, ExitFlags  |         | all output came before; it is published  |
//
// From a client, the kind alone, and a payload:
//
//   | kind      | payload            | meaning                                          |
//   |-----------|--------------------|--------------------------------------------------|
//   | kStdin    | bytes              | for the container's stdin or terminal            |
//   | kClose    |                    | stdin is at its end                              |
//   | kResize   | uint16 rows, cols  | the client's window changed                      |
//   | kTraits   | AttachTraits       | who it is; that which started it has all         |
//   | kNetwork  | uint8 NetworkParts | what the descriptors are that come with it:      |
//   |           |                    | the container's network has changed              |
//   | kDone     |                    | after kExit: the client has cleaned up           |
//
// A client knows up to where in the log it has shown everything. What it is sent lies further on
// when it lagged: it reads what is between from the log. So a slow or stopped client holds up
// neither the container nor the other clients, and one whose monitor is killed goes on with the
// next where it was. A client that goes away is forgotten and the container runs on. After kExit
// without kDone the monitor execs the clean-up itself.

#include <cstdint>

#include "core/monitor/log_writer.h"  // places, kNotLogged

namespace hoy::core {

inline constexpr const char* kAttachSocket = "attach.sock";
// ^D, what a terminal takes for the end (termios(3), VEOF): typed where stdin ends.
inline constexpr char kEndOfTransmission = 4;

enum class AttachKind : uint8_t {
  kStdout = 1,
  kStderr,
  kExit,
  kStdin,
  kClose,
  kResize,
  kDone,
  kAttached,
  kBusy,
  kLogged,
  kSkipped,
  kTraits,
  kNetwork,
  kTaken,
};

// Places in the log only grow, and mean nothing else to a client than to the log's reader: how much
// space what it is sent takes there is not for it to know.
struct AttachHeader {
  AttachKind kind;
  uint64_t number;
  uint64_t end = 0;  // kStdout, kStderr: the place behind it
};

// Of this protocol, as the monitor speaks it: a container may have one of an older hoy, which is
// not to be waited for. From 1 on: kNetwork.
inline constexpr uint64_t kAttachRevision = 1;

enum AttachTraits : uint8_t {
  kPatient = 1,    // while it is alone, the container waits for it: as for the reader of a pipe
  kOwnsStdin = 2,  // its end is the end of stdin
  kCleansUp = 4,   // it answers kExit with kDone
};

// Above the 32 bits of the code.
enum ExitFlags : uint64_t {
  kExitUnknown = uint64_t{1} << 32,    // the code stands for a status that could not be had
  kMonitorCleans = uint64_t{1} << 33,  // right now, and then the monitor ends
};

constexpr uint32_t kMaxAttachPayload = 64 * 1024;
constexpr uint32_t kMaxStdinPayload = 16 * 1024;

struct WindowSize {
  uint16_t rows;
  uint16_t columns;
};

}  // namespace hoy::core
