#include "core/monitor/pump.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include <initializer_list>

namespace hoy::core {
namespace {

enum Slot { kOutSlot, kErrSlot, kClientSlot, kStdinSlot };

}  // namespace

void Pump::Prepare(pollfd* slots) {
  bool client_busy = pending_ > 0;
  bool input_waiting = input_begin_ < input_end_;
  slots[kOutSlot] = {client_busy ? -1 : fds_.out[0], POLLIN, 0};
  slots[kErrSlot] = {client_busy ? -1 : fds_.out[1], POLLIN, 0};
  auto client_events =
      static_cast<short>((client_busy ? POLLOUT : 0) | (input_waiting ? 0 : POLLIN));
  // With nothing to ask it, its going away waits, too: POLLHUP cannot be turned off.
  slots[kClientSlot] = {client_events != 0 ? fds_.client : -1, client_events, 0};
  slots[kStdinSlot] = {input_waiting ? fds_.in : -1, POLLOUT, 0};
}

void Pump::Handle(const pollfd* slots) {
  if (slots[kStdinSlot].revents != 0) WriteStdin();
  if ((slots[kClientSlot].revents & POLLOUT) != 0) SendPending();
  if ((slots[kClientSlot].revents & POLLIN) != 0) {
    ReadClient();
  } else if ((slots[kClientSlot].revents & (POLLHUP | POLLERR)) != 0) {
    DropClient();
  }
  if (slots[kOutSlot].revents != 0 && pending_ == 0) ReadStream(0);
  if (slots[kErrSlot].revents != 0 && pending_ == 0) ReadStream(1);
}

bool Pump::ReadStream(int which) {
  if (fds_.out[which] < 0) return false;
  ssize_t count = read(fds_.out[which], buffer_.payload(), kMaxFramePayload);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    // End of file, or EIO from a terminal that nobody holds any more. The master stays open for
    // stdin's sake until the end; poll just stops asking.
    if (!fds_.terminal) close(fds_.out[which]);
    fds_.out[which] = -1;
    return false;
  }
  auto length = static_cast<uint32_t>(count);
  log_.Write(which == 0 ? LogStream::kStdout : LogStream::kStderr, buffer_, length);
  if (fds_.client >= 0 && client_listens_) {
    pending_ = length;
    pending_kind_ = which == 0 ? AttachKind::kStdout : AttachKind::kStderr;
    SendPending();
  }
  return true;
}

void Pump::SendPending() {
  auto kind = static_cast<uint8_t>(pending_kind_);
  iovec parts[2] = {{&kind, 1}, {buffer_.payload(), pending_}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (sendmsg(fds_.client, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
    pending_ = 0;
  } else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
    // It is gone; what it had to say may still lie in the socket.
    client_listens_ = false;
    pending_ = 0;
  }
}

void Pump::FlushPending() {
  while (pending_ > 0 && fds_.client >= 0) {
    pollfd slot{fds_.client, POLLOUT, 0};
    if (poll(&slot, 1, -1) < 0 && errno != EINTR) break;
    SendPending();
  }
}

void Pump::ReadClient() {
  ssize_t count = recv(fds_.client, input_, sizeof input_, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    DropClient();
    return;
  }
  switch (static_cast<AttachKind>(input_[0])) {
    case AttachKind::kStdin:
      input_begin_ = 1;
      input_end_ = static_cast<uint32_t>(count);
      WriteStdin();
      break;
    case AttachKind::kClose: CloseStdin(); break;
    case AttachKind::kResize: {
      WindowSize size{};
      if (!fds_.terminal || count < static_cast<ssize_t>(1 + sizeof size)) break;
      memcpy(&size, input_ + 1, sizeof size);
      winsize window{};
      window.ws_row = size.rows;
      window.ws_col = size.columns;
      ioctl(fds_.in, TIOCSWINSZ, &window);
      break;
    }
    default: break;
  }
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

void Pump::CloseStdin() {
  input_begin_ = input_end_ = 0;
  if (fds_.terminal || fds_.in < 0) return;
  close(fds_.in);
  fds_.in = -1;
}

// With a pipe, the container learns that nobody types any more; a terminal stays as it is.
void Pump::DropClient() {
  close(fds_.client);
  fds_.client = -1;
  pending_ = 0;
  CloseStdin();
}

void Pump::Drain() {
  FlushPending();
  for (int which : {0, 1}) {
    while (ReadStream(which)) FlushPending();
  }
}

bool Pump::Finish(int exit_code) {
  if (fds_.client < 0) return false;
  char packet[1 + sizeof(int32_t)] = {static_cast<char>(AttachKind::kExit)};
  auto code = static_cast<int32_t>(exit_code);
  memcpy(packet + 1, &code, sizeof code);
  if (send(fds_.client, packet, sizeof packet, MSG_NOSIGNAL) < 0) return false;
  while (true) {
    ssize_t count = recv(fds_.client, input_, sizeof input_, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (static_cast<AttachKind>(input_[0]) == AttachKind::kDone) return true;
  }
}

}  // namespace hoy::core
