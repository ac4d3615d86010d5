#pragma once
// Moves bytes between the container's standard streams, its log and one foreground client.
//
//   stdout/stderr FIFO, or pty master --> log frame --> client packet
//   client packet --> stdin pipe, or pty master
//
// One buffer a direction, so memory is flat whatever flows. Back-pressure instead of loss: while a
// packet waits for the client, nothing more is read from the container, and the reverse. A log that
// cannot be written (disk full) never stops the container; `log_errno` remembers why. What a client
// sent before it went away still arrives.

#include <poll.h>

#include <cstdint>

#include "core/log/frame.h"
#include "core/monitor/attach_protocol.h"

namespace hoy::core {

class Pump {
 public:
  struct Descriptors {
    int out[2] = {-1, -1};  // stdout, stderr; with a terminal, out[0] is its master
    int in = -1;            // write end of stdin; with a terminal, the master again
    int log = -1;
    int client = -1;
    bool terminal = false;
  };
  explicit Pump(const Descriptors& descriptors) : fds_(descriptors) {}

  static constexpr int kPollSlots = 4;
  // Fills what to wait for; slots that are not wanted get fd -1.
  void Prepare(pollfd* slots);
  void Handle(const pollfd* slots);

  // After the container's end: everything that is still in its streams, to log and client.
  void Drain();
  // Tells the client the exit code and waits for kDone. True: the client has cleaned up.
  bool Finish(int exit_code);

  int log_fd() const { return fds_.log; }
  bool log_written() const { return log_written_; }
  int log_errno() const { return log_errno_; }

 private:
  bool ReadStream(int which);  // false: nothing there now, or its end
  void WriteLog(LogStream stream, uint32_t length);
  void SendPending();
  void FlushPending();  // waits for the client
  void ReadClient();
  void WriteStdin();
  void DropClient();
  void CloseStdin();

  Descriptors fds_;
  bool client_listens_ = true;
  bool log_written_ = false;
  int log_errno_ = 0;

  // FrameHeader | payload | trailer, laid out so that one write(2) logs it. The byte before the
  // payload doubles as the attach packet's kind while it is sent.
  alignas(8) char frame_[sizeof(FrameHeader) + kMaxFramePayload + sizeof(FrameTrailer)];
  uint32_t pending_ = 0;  // payload bytes that the client has not got yet
  AttachKind pending_kind_ = AttachKind::kStdout;

  char input_[1 + kMaxStdinPayload];
  uint32_t input_begin_ = 0;
  uint32_t input_end_ = 0;
};

}  // namespace hoy::core
