#include "core/monitor/attach_clients.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace hoy::core {
namespace {

enum class Sent { kYes, kFull, kGone };

Sent SendTo(int fd, AttachHeader header, const char* bytes = nullptr, uint32_t length = 0) {
  iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(bytes), length}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  while (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS ? Sent::kFull : Sent::kGone;
  }
  return Sent::kYes;
}

void WaitForRoom(int fd) {
  pollfd slot{fd, POLLOUT, 0};
  poll(&slot, 1, -1);
}

// True: it says that it has cleaned up.
bool AwaitDone(int fd) {
  while (true) {
    char packet[1];
    ssize_t count = recv(fd, packet, sizeof packet, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    if (static_cast<AttachKind>(packet[0]) == AttachKind::kDone) return true;
  }
}

}  // namespace

void AttachClients::Add(int fd, uint8_t traits) {
  int index = 0;
  while (index < used_ && clients_[index].fd >= 0) ++index;
  if (index == kMost) {
    SendTo(fd, {AttachKind::kBusy, kMost});
    close(fd);
    return;
  }
  clients_[index] = {.fd = fd, .traits = traits};
  ++count_;
  if (index == used_) ++used_;
}

void AttachClients::Accept(int listener, uint64_t log_end) {
  while (true) {
    bool refuse = false;
    int fd = AcceptNext(listener, &spare_, &refuse);
    if (fd < 0) return;
    if (refuse) {
      SendTo(fd, {AttachKind::kBusy, static_cast<uint64_t>(count_)});
      close(fd);
      continue;
    }
    if (count_ < kMost) SendTo(fd, {AttachKind::kAttached, log_end, kAttachRevision});
    Add(fd, 0);
  }
}

void AttachClients::Drop(int index) {
  close(clients_[index].fd);
  clients_[index].fd = -1;
  --count_;
  while (used_ > 0 && clients_[used_ - 1].fd < 0) --used_;
}

void AttachClients::Prepare(pollfd* slots, bool held, bool takes_input) const {
  for (int i = 0; i < used_; ++i) {
    const AttachClient& client = clients_[i];
    bool wants_room = client.listens && (client.lags || (held && client.Is(kPatient)));
    bool hears = takes_input || !client.has_input;
    auto events = static_cast<short>((wants_room ? POLLOUT : 0) | (hears ? POLLIN : 0));
    // With nothing to ask it, its going away waits, too: POLLHUP cannot be turned off.
    slots[i] = {events != 0 ? client.fd : -1, events, 0};
  }
}

bool AttachClients::Send(AttachHeader header, const char* bytes, uint32_t length) {
  for (int i = 0; i < used_; ++i) {
    AttachClient& client = clients_[i];
    if (client.fd < 0 || !client.listens) continue;
    if (!client.lags) {
      Sent sent = SendTo(client.fd, header, bytes, length);
      if (sent == Sent::kYes) continue;
      if (sent == Sent::kGone) {
        client.listens = false;
        continue;
      }
      if (count_ == 1 && client.Is(kPatient)) return false;
      client.lags = true;
    }
    if (header.number == kNotLogged) client.skipped += length;
  }
  return true;
}

void AttachClients::AwaitPatient() const {
  for (int i = 0; i < used_; ++i) {
    if (clients_[i].fd >= 0) WaitForRoom(clients_[i].fd);
  }
}

void AttachClients::LetLag(AttachHeader header, uint32_t length) {
  for (int i = 0; i < used_; ++i) {
    AttachClient& client = clients_[i];
    if (client.fd < 0 || !client.Is(kPatient)) continue;
    client.lags = true;
    if (header.number == kNotLogged) client.skipped += length;
  }
}

void AttachClients::Answer(int index, AttachKind kind) {
  AttachClient& client = clients_[index];
  // For whoever reads too little of what is sent to him it is lost.
  if (client.listens) SendTo(client.fd, {kind, 0});
}

void AttachClients::CatchUp(int index, uint64_t log_end) {
  AttachClient& client = clients_[index];
  if (client.skipped > 0) {
    if (SendTo(client.fd, {AttachKind::kSkipped, client.skipped}) == Sent::kFull) return;
    client.skipped = 0;
  }
  Sent sent = SendTo(client.fd, {AttachKind::kLogged, log_end});
  if (sent == Sent::kFull) return;
  client.listens = sent == Sent::kYes;
  client.lags = false;
}

bool AttachClients::Finish(uint64_t exit, uint64_t log_end) {
  int cleaner = -1;
  for (int i = 0; i < used_; ++i) {
    if (clients_[i].fd >= 0 && clients_[i].listens && clients_[i].Is(kCleansUp)) cleaner = i;
  }
  if (cleaner < 0) exit |= kMonitorCleans;
  for (int i = 0; i < used_; ++i) {
    AttachClient& client = clients_[i];
    if (client.fd < 0 || i == cleaner) continue;
    if (client.lags && client.listens) CatchUp(i, log_end);
    // One that still lags finds the exit, and the output, where everybody does.
    if (client.listens && !client.lags) SendTo(client.fd, {AttachKind::kExit, exit});
    close(client.fd);
  }
  if (cleaner < 0) return false;
  AttachClient& client = clients_[cleaner];
  while (client.lags && client.listens) {
    WaitForRoom(client.fd);
    CatchUp(cleaner, log_end);
  }
  Sent sent = Sent::kFull;
  while (client.listens && (sent = SendTo(client.fd, {AttachKind::kExit, exit})) == Sent::kFull) {
    WaitForRoom(client.fd);
  }
  return sent == Sent::kYes && AwaitDone(client.fd);
}

}  // namespace hoy::core
