#pragma once
// One packet of a SOCK_SEQPACKET socket, with a descriptor or without (unix(7), SCM_RIGHTS). No
// allocation: hoy-monitor and the process it clones use this, too.

#include <sys/types.h>

#include <cstddef>

namespace hoy::core {

// `fd` < 0: none goes along. -1: errno; a socket that nobody reads is EPIPE and no signal.
ssize_t SendPacket(int socket, const void* bytes, size_t size, int fd = -1);

// 0: end-of-file. -1: errno, never EINTR. `*fd`: what came along, close-on-exec and the caller's to
// close, or -1.
ssize_t ReceivePacket(int socket, void* bytes, size_t size, int* fd);

}  // namespace hoy::core
