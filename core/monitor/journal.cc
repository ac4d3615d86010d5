#include "core/monitor/journal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace hoy::core {
namespace {

constexpr int kPatienceSeconds = 5;

iovec Part(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

int Journal::Open() {
  if (fd_ >= 0) close(fd_);
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return errno;
  timeval patience{kPatienceSeconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, kJournalSocket, sizeof kJournalSocket);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
  int error = errno;
  close(fd_);
  fd_ = -1;
  return error;
}

bool Journal::Send(std::string_view fields, const LogMessage& message) {
  char time[kMaxJsonTime];
  size_t time_length = FormatJsonTime(message.time, time);
  uint64_t length = message.text.size();
  char length_bytes[sizeof length];
  for (size_t i = 0; i < sizeof length; ++i) {
    length_bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
  }
  iovec parts[] = {
      Part(fields),
      Part(message.stream == LogStream::kStderr ? "PRIORITY=3\nSYSLOG_TIMESTAMP="
                                                : "PRIORITY=6\nSYSLOG_TIMESTAMP="),
      Part({time, time_length}),
      Part(message.ends ? "\nMESSAGE\n" : "\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE\n"),
      Part({length_bytes, sizeof length_bytes}),
      Part(message.text),
      Part("\n"),
  };
  msghdr packet{};
  packet.msg_iov = parts;
  packet.msg_iovlen = sizeof parts / sizeof parts[0];
  for (int attempt = 0; attempt < 2; ++attempt) {
    while (fd_ >= 0) {
      if (sendmsg(fd_, &packet, MSG_NOSIGNAL) >= 0) return true;
      if (errno != EINTR) break;
    }
    if (fd_ >= 0 && errno == EAGAIN) return false;
    if (Open() != 0) return false;
  }
  return false;
}

}  // namespace hoy::core
