#include "net/attach/resolver_sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/firewall/resolver_rules.h"
#include "net/netlink/namespace.h"
#include "net/netlink/socket.h"

namespace hoy::net {
namespace {

constexpr int kBacklog = 16;
constexpr uint16_t kDnsPort = 53;
constexpr uint16_t kAnyPort = 0;

// The loopback of the namespace may be down still, and then has no address.
Result<Fd> Bind(int type, uint16_t port) {
  Fd fd(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("make", "resolver socket");
  int on = 1;
  (void)setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  // For TCP alone, where it is about connections that have ended: who has it on a UDP socket lets
  // any process of the container bind the same address, and take the questions over.
  if (type == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, kResolverAddress, &address.sin_addr);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno("bind", kResolverAddress);
  }
  if (type == SOCK_STREAM && listen(fd.get(), kBacklog) != 0) {
    return FailErrno("listen at", kResolverAddress);
  }
  return fd;
}

uint16_t PortOf(const Fd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Result<> BindBoth(uint16_t port, core::MonitorNetwork& network) {
  TRY(network.datagrams, Bind(SOCK_DGRAM, port));
  TRY(network.listener, Bind(SOCK_STREAM, port));
  return {};
}

Result<> Redirect(const core::MonitorNetwork& network) {
  const ResolverPorts ports = {PortOf(network.datagrams), PortOf(network.listener)};
  auto netfilter = NetlinkSocket::Open(NETLINK_NETFILTER);
  auto redirected =
      netfilter ? RedirectToResolver(*netfilter, ports) : Fail(std::move(netfilter).error());
  return redirected ? redirected : RedirectToResolverByIptables(ports);
}

}  // namespace

Result<> OpenResolver(BorrowedFd network_namespace, core::MonitorNetwork& network) {
  TRY(NamespaceVisit visit, NamespaceVisit::Enter(network_namespace));
  TRY(BindBoth(kAnyPort, network));
  auto redirected = Redirect(network);
  if (redirected) return {};
  // A host with neither nf_tables nor iptables: then port 53 is taken in this container.
  if (BindBoth(kDnsPort, network)) return {};
  return redirected;
}

}  // namespace hoy::net
