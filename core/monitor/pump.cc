#include "core/monitor/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <initializer_list>

#include "core/sys/fd_packet.h"

namespace hoy::core {
namespace {

enum Slot { kOutSlot, kErrSlot, kStdinSlot, kListenerSlot, kFirstClientSlot };

}  // namespace

Pump::Pump(const Descriptors& descriptors, LogWriter& log, Wiring& wiring)
    : fds_(descriptors), log_(log), wiring_(wiring) {
  if (fds_.client >= 0) clients_.Add(fds_.client, kPatient | kOwnsStdin | kCleansUp);
}

int Pump::Prepare(pollfd* slots) {
  bool held = held_ > 0;
  slots[kOutSlot] = {held ? -1 : fds_.out[0], POLLIN, 0};
  slots[kErrSlot] = {held ? -1 : fds_.out[1], POLLIN, 0};
  slots[kStdinSlot] = {InputWaits() ? fds_.in : -1, POLLOUT, 0};
  slots[kListenerSlot] = {fds_.listener, POLLIN, 0};
  clients_.Prepare(slots + kFirstClientSlot, held, !InputWaits());
  return kFirstClientSlot + clients_.used();
}

void Pump::Handle(const pollfd* slots) {
  if (slots[kStdinSlot].revents != 0) WriteStdin();
  HandleClients(slots + kFirstClientSlot);
  if (slots[kOutSlot].revents != 0 && held_ == 0) ReadStream(0);
  if (slots[kErrSlot].revents != 0 && held_ == 0) ReadStream(1);
  if (slots[kListenerSlot].revents != 0) {
    if (held_ > 0) LetLag();
    clients_.Accept(fds_.listener, log_.end());
  }
}

bool Pump::ReadStream(int which) {
  if (fds_.out[which] < 0) return false;
  ssize_t count = read(fds_.out[which], buffer_.payload(), log_.MostThatFits());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    if (!fds_.terminal) close(fds_.out[which]);
    if (!fds_.terminal || !HoldTerminal()) fds_.out[which] = -1;
    return false;
  }
  held_ = static_cast<uint32_t>(count);
  uint64_t place = log_.Write(which == 0 ? LogStream::kStdout : LogStream::kStderr, buffer_, held_);
  held_header_ = {which == 0 ? AttachKind::kStdout : AttachKind::kStderr, place, log_.end()};
  SendHeld();
  return true;
}

// Nobody in the container holds its terminal any more (EIO), and somebody may open it again. With
// its other side open here, too, and never used, the master is ready only when there is something
// to read, and the container's end is the end. False: poll must stop asking; the master stays open
// for stdin's sake.
bool Pump::HoldTerminal() {
  if (peer_ >= 0) return false;
  peer_ = ioctl(fds_.out[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return peer_ >= 0;
}

void Pump::SendHeld() {
  if (held_ > 0 && clients_.Send(held_header_, buffer_.payload(), held_)) held_ = 0;
}

void Pump::LetLag() {
  clients_.LetLag(held_header_, held_);
  held_ = 0;
}

void Pump::HandleClients(const pollfd* slots) {
  int used = clients_.used();
  for (int i = 0; i < used; ++i) {
    short ready = slots[i].revents;
    if (ready == 0 || clients_.at(i).fd < 0) continue;
    if ((ready & POLLOUT) != 0) {
      SendHeld();
      if (clients_.at(i).lags) clients_.CatchUp(i, log_.end());
    }
    if ((ready & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    // Also of one that has gone: its last words are heard first, and then its end. One packet may
    // leave input waiting, and then there is no room for another.
    bool is_for_later = InputWaits() && HasInput(clients_.at(i));
    if (!is_for_later) {
      ReadClient(i);
    } else if ((ready & (POLLHUP | POLLERR)) != 0) {
      clients_.at(i).listens = false;  // what it had to say is heard later
    }
  }
}

// Or its end is that of stdin.
bool Pump::HasInput(AttachClient& client) {
  char kind = 0;
  ssize_t count = 0;
  do {
    count = recv(client.fd, &kind, sizeof kind, MSG_PEEK | MSG_DONTWAIT);
  } while (count < 0 && (errno == EINTR || errno == ECONNRESET));
  auto next = static_cast<AttachKind>(kind);
  client.has_input =
      count > 0 ? next == AttachKind::kStdin || next == AttachKind::kClose : client.Is(kOwnsStdin);
  return client.has_input;
}

void Pump::ReadClient(int index) {
  AttachClient& client = clients_.at(index);
  client.has_input = false;
  // While input waits in its place, what comes is something else, and short.
  char message[1 + sizeof(WindowSize)];
  char* packet = InputWaits() ? message : input_;
  size_t space = InputWaits() ? sizeof message : sizeof input_;
  ssize_t count = 0;
  PacketFds came;
  do {
    count = ReceivePacket(client.fd, packet, space, &came, MSG_DONTWAIT);
    // It went without having heard all: that is told once, before what it had said.
  } while (count < 0 && errno == ECONNRESET);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) {
    wiring_.Take(0, came);
    DropClient(index);
    return;
  }
  auto kind = static_cast<AttachKind>(packet[0]);
  if (kind == AttachKind::kNetwork && count >= 2) {
    wiring_.Take(static_cast<uint8_t>(packet[1]), came);
    clients_.Answer(index, AttachKind::kTaken);
    return;
  }
  wiring_.Take(0, came);  // nobody's
  switch (kind) {
    case AttachKind::kStdin:
      if (count == 1) break;
      input_begin_ = 1;
      input_end_ = static_cast<uint32_t>(count);
      last_input_ = input_[count - 1];
      WriteStdin();
      break;
    case AttachKind::kClose: EndInput(client); break;
    case AttachKind::kResize:
      if (count >= static_cast<ssize_t>(1 + sizeof(WindowSize))) Resize(packet + 1);
      break;
    case AttachKind::kTraits:
      if (count >= 2) client.traits = static_cast<uint8_t>(packet[1]);
      break;
    default: break;
  }
}

void Pump::Resize(const char* packet) {
  if (!fds_.terminal) return;
  WindowSize size{};
  memcpy(&size, packet, sizeof size);
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  ioctl(fds_.in, TIOCSWINSZ, &window);
}

void Pump::WriteStdin() {
  while (input_begin_ < input_end_ && fds_.in >= 0) {
    ssize_t count = write(fds_.in, input_ + input_begin_, input_end_ - input_begin_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      CloseStdin();
      return;
    }
    input_begin_ += static_cast<uint32_t>(count);
  }
  input_begin_ = input_end_ = 0;
}

// On a terminal it is typed, by the one client that has nothing else to say to it: the second one
// ends what an unfinished line leaves. Somebody who only looks in leaves the terminal as it is.
void Pump::EndInput(const AttachClient& client) {
  if (!fds_.terminal) {
    CloseStdin();
    return;
  }
  if (!client.Is(kOwnsStdin)) return;
  input_end_ = 0;
  input_[input_end_++] = kEndOfTransmission;
  if (last_input_ != '\n') input_[input_end_++] = kEndOfTransmission;
  last_input_ = '\n';
  WriteStdin();
}

void Pump::CloseStdin() {
  input_begin_ = input_end_ = 0;
  if (fds_.terminal || fds_.in < 0) return;
  close(fds_.in);
  fds_.in = -1;
}

// With a pipe, the container learns that nobody types any more; a terminal stays as it is.
void Pump::DropClient(int index) {
  if (clients_.at(index).Is(kOwnsStdin)) CloseStdin();
  clients_.Drop(index);
  // It may be the one that was waited for.
  SendHeld();
}

void Pump::Drain() {
  auto deliver = [this] {
    if (held_ > 0 && held_header_.number != kNotLogged) LetLag();
    while (held_ > 0) {
      clients_.AwaitPatient();
      SendHeld();
    }
  };
  deliver();
  for (int which : {0, 1}) {
    while (ReadStream(which)) deliver();
  }
}

bool Pump::Finish(uint64_t exit) {
  return clients_.Finish(exit, log_.end());
}

}  // namespace hoy::core
