#pragma once
// Moves bytes between the container's standard streams, its log and its clients.
//
//   stdout/stderr FIFO, or pty master --> log frame --> a packet for each client
//   client packet --> stdin pipe, or pty master
//
// One buffer a direction, so memory is flat whatever flows. While the container does not take what
// a client sent, no more of that is read from any; all else that they say is heard. A client that
// does not take what it is sent lags (attach_clients.h); only a patient one that is alone holds the
// container up. What a client sent before it went away still arrives.

#include <poll.h>

#include <cstdint>

#include "core/monitor/attach_clients.h"
#include "core/monitor/log_writer.h"
#include "core/monitor/wiring.h"

namespace hoy::core {

class Pump {
 public:
  struct Descriptors {
    int out[2] = {-1, -1};  // stdout, stderr; with a terminal, out[0] is its master
    int in = -1;            // write end of stdin; with a terminal, the master again
    int client = -1;        // who started the container, and cleans up after it
    int listener = -1;      // where further clients connect
    bool terminal = false;
  };
  Pump(const Descriptors& descriptors, LogWriter& log, Wiring& wiring);

  static constexpr int kMaxPollSlots = 4 + AttachClients::kMost;
  // Fills what to wait for, and tells how many slots; those that are not wanted get fd -1.
  int Prepare(pollfd* slots);
  void Handle(const pollfd* slots);

  // After the container's end: everything that is still in its streams, to log and clients. Waits
  // for a client only with what is not in the log.
  void Drain();
  // Tells the clients how it ended (AttachKind::kExit's number). True: one of them has cleaned up.
  bool Finish(uint64_t exit);

 private:
  bool ReadStream(int which);  // false: nothing there now, or its end
  bool HoldTerminal();
  void SendHeld();
  void LetLag();
  void HandleClients(const pollfd* slots);
  bool InputWaits() const { return input_begin_ < input_end_; }
  static bool HasInput(AttachClient& client);
  void ReadClient(int index);
  void DropClient(int index);
  void Resize(const char* size);
  void WriteStdin();
  void EndInput(const AttachClient& client);
  void CloseStdin();

  Descriptors fds_;
  int peer_ = -1;  // the terminal's other side
  LogWriter& log_;
  Wiring& wiring_;  // for those who bring it something
  AttachClients clients_;

  LogBuffer buffer_;   // what was read last
  uint32_t held_ = 0;  // payload bytes that wait for the patient client
  AttachHeader held_header_{};

  char input_[1 + kMaxStdinPayload];
  uint32_t input_begin_ = 0;
  uint32_t input_end_ = 0;
  char last_input_ = '\n';
};

}  // namespace hoy::core
