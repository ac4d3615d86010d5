#include "core/sys/sd_notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>

#include "core/base/fd.h"

namespace hoy::core {

Result<> NotifyServiceManager(const std::string& name, std::string_view state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  bool is_name = name.size() > 1 && (name[0] == '/' || name[0] == '@');
  if (!is_name || name.size() >= sizeof address.sun_path) {
    return Fail(ErrorKind::kInvalidArgument, "NOTIFY_SOCKET '{}': not a socket's name", name);
  }
  memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("socket", "NOTIFY_SOCKET");
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ssize_t sent = sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&address), length);
  if (sent < 0) return FailErrno("notify the service manager at", name);
  return {};
}

}  // namespace hoy::core
