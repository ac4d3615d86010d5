#pragma once
// The clients of a container's streams, as the monitor sees them (attach_protocol.h).
//
// What comes from the container goes to each of them at once. A client whose socket is full lags
// from then on: it is sent nothing until there is room again, then where the log has got to. What
// is in no log is counted, and it is told how much. Only a patient client that is alone is waited
// for.

#include <poll.h>

#include <cstdint>

#include "core/monitor/attach_protocol.h"
#include "core/monitor/run_socket.h"

namespace hoy::core {

struct AttachClient {
  int fd = -1;
  uint8_t traits = 0;
  bool listens = true;  // false: it is gone, what it had to say may still lie in its socket
  bool lags = false;
  bool has_input = false;  // what it says next is for the container, and there was no room for it
  uint64_t skipped = 0;

  bool Is(AttachTraits trait) const { return (traits & trait) != 0; }
};

class AttachClients {
 public:
  static constexpr int kMost = 250;

  void Add(int fd, uint8_t traits);
  // All that have connected; each hears where the log ends, or that there is no room for it.
  void Accept(int listener, uint64_t log_end);
  void Drop(int index);

  int count() const { return count_; }
  int used() const { return used_; }  // above every index
  AttachClient& at(int index) { return clients_[index]; }

  // Fills used() slots. `held`: Send has held something back; `takes_input`: there is
  // room for what is for the container; until then nothing is asked of those that have some.
  void Prepare(pollfd* slots, bool held, bool takes_input) const;

  // False: it is held back for the patient client that is alone. Offer it again, or let it lag.
  bool Send(AttachHeader header, const char* bytes, uint32_t length);
  void AwaitPatient() const;  // until Send is worth another try
  void LetLag(AttachHeader header, uint32_t length);
  void Answer(int index, AttachKind kind);
  // There may be room for one that lags.
  void CatchUp(int index, uint64_t log_end);

  // The last packet. Waits for the client that cleans up, and for no other. True: it has done so.
  bool Finish(uint64_t exit, uint64_t log_end);

 private:
  AttachClient clients_[kMost];
  int count_ = 0;
  int used_ = 0;
  int spare_ = OpenSpare();
};

}  // namespace hoy::core
