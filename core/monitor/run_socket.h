#pragma once
// SOCK_SEQPACKET sockets in a container's run directory. By their name in the working directory: an
// address has room for 108 bytes (unix(7)), and RUN may be longer. The working directory is "/"
// afterwards.

namespace hoy::core {

// Replaces a left-over of the same name. Non-blocking. -1: errno.
int ListenInDirectory(const char* directory, const char* name);

// -1: errno; ECONNREFUSED: whoever listened there is dead. Does not wait for a full queue (EAGAIN).
int ConnectInDirectory(const char* directory, const char* name);

}  // namespace hoy::core
