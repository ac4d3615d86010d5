#include "core/sys/fd_packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

namespace hoy::core {
namespace {

ssize_t Receive(int socket, void* bytes, size_t size, int* fds, size_t most, size_t* received,
                int flags) {
  iovec part{bytes, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPacketFds)] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(sizeof(int) * most);
  ssize_t count = 0;
  do {
    count = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
  } while (count < 0 && errno == EINTR);
  *received = 0;
  if (count < 0) return -1;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  if (item != nullptr && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
    size_t length = item->cmsg_len - CMSG_LEN(0);
    *received = length / sizeof(int);
    if (*received > most) *received = most;
    memcpy(fds, CMSG_DATA(item), *received * sizeof(int));
  }
  // The limit of open descriptors lets no more in.
  if ((header.msg_flags & MSG_CTRUNC) == 0) return count;
  errno = EMFILE;
  return -1;
}

}  // namespace

ssize_t SendPacket(int socket, const void* bytes, size_t size, const int* fds, size_t count) {
  if (count > kMaxPacketFds) {
    errno = E2BIG;
    return -1;
  }
  iovec part{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPacketFds)] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(item), fds, sizeof(int) * count);
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL);
}

ssize_t SendPacket(int socket, const void* bytes, size_t size, int fd) {
  return SendPacket(socket, bytes, size, &fd, fd >= 0 ? 1 : 0);
}

ssize_t ReceivePacket(int socket, void* bytes, size_t size, int* fd) {
  *fd = -1;
  size_t received = 0;
  return Receive(socket, bytes, size, fd, 1, &received, 0);
}

ssize_t ReceivePacket(int socket, void* bytes, size_t size, PacketFds* fds, int flags) {
  return Receive(socket, bytes, size, fds->fds, kMaxPacketFds, &fds->count, flags);
}

}  // namespace hoy::core
