#pragma once
// SOCK_SEQPACKET sockets in a container's run directory. By their name in the working directory: an
// address has room for 108 bytes (unix(7)), and RUN may be longer. The working directory is "/"
// afterwards.

namespace hoy::core {

// Replaces a left-over of the same name. Non-blocking. -1: errno.
int ListenInDirectory(const char* directory, const char* name);

// A descriptor to give up when there are none left; -1: there are none left already.
int OpenSpare();
// The next one that has connected, close-on-exec; -1: nobody, or none can be taken now. Where no
// descriptor is left, its own place is that of `*spare`, which is opened again later: a listener is
// readable for as long as somebody waits there. Then `*refuse`: tell it so, close it, and go on.
int AcceptNext(int listener, int* spare, bool* refuse);

// -1: errno; ECONNREFUSED: whoever listened there is dead. Does not wait for a full queue (EAGAIN).
int ConnectInDirectory(const char* directory, const char* name);

}  // namespace hoy::core
