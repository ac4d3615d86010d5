#pragma once
// One packet of a SOCK_SEQPACKET socket, with descriptors or without (unix(7), SCM_RIGHTS). No
// allocation: hoy-monitor and the process it clones use this, too.

#include <sys/types.h>

#include <cstddef>

namespace hoy::core {

constexpr size_t kMaxPacketFds = 253;  // SCM_MAX_FD

struct PacketFds {
  int fds[kMaxPacketFds] = {};
  size_t count = 0;
};

// The first of at least one; the others move up.
inline int TakeFirst(PacketFds& all) {
  int first = all.fds[0];
  --all.count;
  for (size_t i = 0; i < all.count; ++i) all.fds[i] = all.fds[i + 1];
  return first;
}

// `fd` < 0: none goes along. -1: errno; a socket that nobody reads is EPIPE and no signal. E2BIG:
// more descriptors than a packet takes.
ssize_t SendPacket(int socket, const void* bytes, size_t size, int fd = -1);
ssize_t SendPacket(int socket, const void* bytes, size_t size, const int* fds, size_t count);

// 0: end-of-file. -1: errno, never EINTR. `*fd`: what came along, close-on-exec and the caller's to
// close, or -1.
ssize_t ReceivePacket(int socket, void* bytes, size_t size, int* fd);
// All that came along, at once or EAGAIN with MSG_DONTWAIT among `flags`. EMFILE: the limit of open
// descriptors let not all of them in.
ssize_t ReceivePacket(int socket, void* bytes, size_t size, PacketFds* fds, int flags = 0);

}  // namespace hoy::core
