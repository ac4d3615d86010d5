#pragma once
// Connections that the kernel remembers (linux/netfilter/nfnetlink_conntrack.h). Where a packet
// goes is decided by the first one of its connection; what has no handshake, UDP above all, would
// go on to a container that is gone, or past one that is new, for as long as its client keeps
// sending.

#include <optional>
#include <span>
#include <string>

#include "net/firewall/firewall.h"
#include "net/netlink/message.h"

namespace hoy::net {

// Drops what is known to the host's side of these ports, and of what went to the container's. Only
// for UDP and SCTP; TCP's clients begin anew by themselves. Reading all connections takes about a
// microsecond each: nothing is read without such a port. The number of them; 0 where the kernel
// cannot say (no nf_conntrack_netlink).
Result<int> ForgetConnections(std::span<const PublishedPort> ports);

// Pure.
struct Connection {
  IpAddress destination;  // as the client sent it
  uint16_t destination_port = 0;
  IpAddress answers_from;  // who answers: the destination, or where it was redirected to
  uint16_t answer_port = 0;
  uint8_t protocol = 0;
  std::string key;  // the attributes by which the kernel finds it
};
std::optional<Connection> DecodeConnection(const Reply& reply);
bool IsOf(const Connection& connection, const PublishedPort& port);

}  // namespace hoy::net
