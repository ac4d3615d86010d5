#pragma once
// How a container's programs find its resolver at 127.0.0.11:53 although its sockets have other
// ports: a program that serves DNS itself, on every address of the container, must find port 53
// free. The port is written into the packets as they leave, on the loopback, and back into the
// answers: no connection is tracked for that, which would cost each packet of the container.
//
// A table of its own in the container's namespace: a hoy that runs inside has its usual one.
// Without nf_tables iptables' nat table does it, which cannot but track the connections.

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "net/base/address.h"
#include "net/netlink/socket.h"

namespace hoy::net {

constexpr const char* kResolverAddress = "127.0.0.11";  // docker's

struct ResolverPorts {
  uint16_t datagrams = 0;
  uint16_t streams = 0;
};

// `netfilter`: of the container's namespace. In the place of what an earlier call has made.
Result<> RedirectToResolver(NetlinkSocket& netfilter, const ResolverPorts& ports);

// The same, of the caller's namespace, by iptables. kUnsupported: the host has none.
Result<> RedirectToResolverByIptables(const ResolverPorts& ports);

// Pure: for iptables-restore(8) --noflush. `replaces`: it was done before.
std::string ResolverIptables(const ResolverPorts& ports, bool replaces);

}  // namespace hoy::net
