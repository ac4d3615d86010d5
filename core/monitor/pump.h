#pragma once
// Moves bytes between the container's standard streams, its log and one foreground client.
//
//   stdout/stderr FIFO, or pty master --> log frame --> client packet
//   client packet --> stdin pipe, or pty master
//
// One buffer a direction, so memory is flat whatever flows. Back-pressure instead of loss: while a
// packet waits for the client, nothing more is read from the container, and the reverse. What a
// client sent before it went away still arrives.

#include <poll.h>

#include <cstdint>

#include "core/monitor/attach_protocol.h"
#include "core/monitor/log_writer.h"

namespace hoy::core {

class Pump {
 public:
  struct Descriptors {
    int out[2] = {-1, -1};  // stdout, stderr; with a terminal, out[0] is its master
    int in = -1;            // write end of stdin; with a terminal, the master again
    int client = -1;
    bool terminal = false;
  };
  Pump(const Descriptors& descriptors, LogWriter& log) : fds_(descriptors), log_(log) {}

  static constexpr int kPollSlots = 4;
  // Fills what to wait for; slots that are not wanted get fd -1.
  void Prepare(pollfd* slots);
  void Handle(const pollfd* slots);

  // After the container's end: everything that is still in its streams, to log and client.
  void Drain();
  // Tells the client the exit code and waits for kDone. True: the client has cleaned up.
  bool Finish(int exit_code);

 private:
  bool ReadStream(int which);  // false: nothing there now, or its end
  void SendPending();
  void FlushPending();  // waits for the client
  void ReadClient();
  void WriteStdin();
  void DropClient();
  void CloseStdin();

  Descriptors fds_;
  LogWriter& log_;
  bool client_listens_ = true;

  LogBuffer buffer_;      // what was read last
  uint32_t pending_ = 0;  // payload bytes that the client has not got yet
  AttachKind pending_kind_ = AttachKind::kStdout;

  char input_[1 + kMaxStdinPayload];
  uint32_t input_begin_ = 0;
  uint32_t input_end_ = 0;
};

}  // namespace hoy::core
