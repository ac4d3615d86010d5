#pragma once
// What the host has to allow besides the rules: sysctls and routes of the caller's network
// namespace. Each call looks first and writes only what is not so already, so that it needs no
// rights where all is in place.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::net {

// Packets from one link to another (net.ipv4.ip_forward and, with `v6`, IPv6's, too,
// net.ipv6.conf.all.forwarding). A host that
// forwards IPv6 ignores router advertisements, and forgets the routes it has from them, unless
// accept_ra is 2 (ip-sysctl.rst): links by which it has such a route go on accepting them.
// kUnsupported: the kernel has no IPv6.
Result<> AllowForwarding(bool v6);

// Only looks, at that of one family.
Result<bool> IsForwardingAllowed(bool v6);

// What a bridge of ours has besides its addresses, before it has them: AllowLocalnet, where
// /proc/sys can be written. With `v6` it has IPv6, also on a host whose links have it switched off,
// and no ear for router advertisements: containers are no routers (CVE-2020-13401). kUnsupported:
// the kernel has no IPv6.
Result<> PrepareBridge(std::string_view bridge, bool v6);

// route_localnet: ports are published on 127.0.0.1, too (the table's guard keeps containers out of
// the host's loopback all the same, CVE-2020-8558).
Result<> AllowLocalnet(std::string_view bridge);

// The same for ::1, of a bridge that is up; again is no change. Only for protocols that are not
// forwarded (port_sockets.h). IPv6 has no route_localnet, but answers to ::1 that come in by the
// bridge can have a local route; packets that claim to be for ::1 when they come from a wire never
// get so far (RFC 4291, 2.5.3; net/ipv6/ip6_input.c). Where br_netfilter hands bridged packets to
// the rules (net.bridge.bridge-nf-call-ip6tables) an answer is turned back too early for that.
Result<> OpenLoopback6(std::string_view bridge);

}  // namespace hoy::net
