#pragma once
// Networks of the drivers macvlan and ipvlan: their containers are on the wire of a link of the
// host, their parent, beside the host itself, with addresses of that wire. There is no bridge, no
// rule and nothing to publish; the host and its own containers there do not reach each other, as
// the kernel has it.
//
// A parent "eth0.50" that is missing is made, marked as this network's, and goes with the network
// when no other one needs it.

#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/attach/network_options.h"
#include "net/netlink/route.h"
#include "net/state/network_record.h"

namespace hoy::net {

// kInvalidArgument: there is no such link, nor the one that a VLAN would be on.
Result<> CheckParent(const std::string& parent, RouteSocket& host);
// kConflict: the kernel would refuse two of these on one parent, or change the mode or flag of one.
Result<> CheckSharing(const NetworkRecord& network, std::span<const NetworkRecord> others);

// The container's link, under that name in its namespace. It is down.
struct DirectLink {
  std::string name;
  BorrowedFd network_namespace = -1;
  std::optional<MacAddress> mac;  // macvlan; with ipvlan all have their parent's
};
Result<> AddDirectLink(const core::Layout& layout, const NetworkRecord& network,
                       const DirectLink& link, RouteSocket& host);

// That the parent has on the host: they are on the wire already. A VLAN that is yet to be made has
// none.
Result<std::vector<IpAddress>> AddressesOfParent(const NetworkRecord& network, RouteSocket& host);

// Pure: whether the first is the second, or a VLAN of it, or one of such a VLAN.
bool StandsOn(std::string name, std::string_view link);

// The network is gone; `others`: those that are left. VLANs that hoy made go with the last network
// that stands on them.
Result<> ReleaseParent(const NetworkRecord& network, std::span<const NetworkRecord> others,
                       RouteSocket& host);

}  // namespace hoy::net
