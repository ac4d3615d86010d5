#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "net/firewall/port_sockets.h"
#include "net/netlink/socket.h"

namespace hoy::net {
namespace {

constexpr uint8_t kListening = 10;  // TCP_LISTEN (include/net/tcp_states.h)

struct Found {
  uint32_t inode = 0;
  bool listens = false;
};

// The socket of that family at that port, the one that listens before others.
std::optional<Found> FindSocket(NetlinkSocket& socket, const PublishedPort& port, int family) {
  NetlinkMessage message(SOCK_DIAG_BY_FAMILY, 0);
  message.Struct(inet_diag_req_v2{.sdiag_family = static_cast<uint8_t>(family),
                                  .sdiag_protocol = port.protocol,
                                  .idiag_states = ~0u});
  auto replies = socket.Dump(std::move(message), "list sockets");
  std::optional<Found> found;
  if (!replies) return found;
  for (const Reply& reply : *replies) {
    auto one = reply.Fixed<inet_diag_msg>();
    if (!one || one->id.idiag_sport != BigEndian(port.host_port) || one->idiag_inode == 0) continue;
    size_t size = family == AF_INET6 ? 16 : 4;
    auto address = IpAddress::FromBytes({reinterpret_cast<const char*>(one->id.idiag_src), size});
    // [::] may be any IPv4 address as well.
    bool meets = address->IsAny() || port.host.IsAny() || *address == port.host;
    if (!meets || (found && found->listens)) continue;
    found = Found{one->idiag_inode, one->idiag_state == kListening};
  }
  return found;
}

bool Has(const std::string& process, const std::string& link) {
  std::string directory = process + "/fd";
  auto names = core::ListDirectory(directory);
  if (!names) return false;
  for (const std::string& name : *names) {
    char text[64];
    ssize_t size = readlink((directory + "/" + name).c_str(), text, sizeof text);
    if (size > 0 && std::string_view(text, static_cast<size_t>(size)) == link) return true;
  }
  return false;
}

}  // namespace

std::optional<PortHolder> FindPortHolder(const PublishedPort& port) {
  auto socket = NetlinkSocket::Open(NETLINK_SOCK_DIAG);
  if (!socket) return std::nullopt;
  auto found = FindSocket(*socket, port, port.host.family());
  if (!found && !port.host.is_v6()) found = FindSocket(*socket, port, AF_INET6);
  if (!found) return std::nullopt;
  std::string link = fmt::format("socket:[{}]", found->inode);
  auto names = core::ListDirectory("/proc");
  if (!names) return PortHolder();
  for (const std::string& name : *names) {
    auto pid = ParseInteger<pid_t>(name);
    std::string process = "/proc/" + name;
    if (!pid || !Has(process, link)) continue;
    auto comm = core::ReadFile(process + "/comm");
    return PortHolder{*pid, comm ? std::string(Trim(*comm)) : std::string()};
  }
  return PortHolder();
}

}  // namespace hoy::net
