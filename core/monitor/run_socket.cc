#include "core/monitor/run_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace hoy::core {
namespace {

constexpr int kBacklog = 64;
constexpr int kFullTablePauseMs = 10;

sockaddr_un AddressOf(const char* name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, name, strnlen(name, sizeof address.sun_path - 1));
  return address;
}

int ClosedWithErrno(int fd) {
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int LeaveDirectory() {
  int error = errno;
  int result = chdir("/");
  errno = error;
  return result;
}

}  // namespace

int ListenInDirectory(const char* directory, const char* name) {
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (chdir(directory) != 0) return ClosedWithErrno(fd);
  sockaddr_un address = AddressOf(name);
  const auto* plain = reinterpret_cast<const sockaddr*>(&address);
  int result = bind(fd, plain, sizeof address);
  if (result != 0 && errno == EADDRINUSE && unlink(name) == 0) {
    result = bind(fd, plain, sizeof address);
  }
  if (result == 0) result = listen(fd, kBacklog);
  if (LeaveDirectory() != 0 || result != 0) return ClosedWithErrno(fd);
  return fd;
}

// A file of its own, as the system's table may be the one that is full.
int OpenSpare() {
  return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int AcceptNext(int listener, int* spare, bool* refuse) {
  if (*spare < 0) *spare = OpenSpare();
  int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  *refuse = fd < 0 && (errno == EMFILE || errno == ENFILE);
  if (!*refuse) return fd;
  if (*spare >= 0) {
    close(*spare);
    *spare = -1;
    fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  }
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) poll(nullptr, 0, kFullTablePauseMs);
  return fd;
}

int ConnectInDirectory(const char* directory, const char* name) {
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (chdir(directory) != 0) return ClosedWithErrno(fd);
  sockaddr_un address = AddressOf(name);
  int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (LeaveDirectory() != 0 || result != 0) return ClosedWithErrno(fd);
  return fd;
}

}  // namespace hoy::core
