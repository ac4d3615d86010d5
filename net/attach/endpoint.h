#pragma once
// One container's place on one network: its addresses, and a pair of links, one end in the
// network's bridge, the other in the container's namespace. The pair dies with that namespace. On a
// network without a bridge (parent_link.h) it is one link, in the namespace.
//
// A link is named after network and address. So a name that is taken tells that the namespace of an
// earlier holder of the address is still there, being dismantled or shared by a container that
// lives on, and would answer to the address.

#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"
#include "net/netlink/route.h"
#include "net/state/network_record.h"

namespace hoy::net {

struct EndpointRequest {
  std::string container_id;
  std::string inside;              // the name of the link in the container: "eth0"
  std::vector<std::string> names;  // that the other members know it by
  bool default_route4 = true;      // towards the gateway, where the network leads anywhere
  bool default_route6 = true;
  bool hairpin = false;  // it publishes ports, which it may come by itself
  BorrowedFd network_namespace = -1;
};

// Leases the addresses, makes the links, sets them up on both sides. On failure no link is left,
// but leases may be: FreeLeases.
Result<Endpoint> Connect(const core::Layout& layout, const NetworkRecord& network,
                         const core::NetworkAttachment& wanted, const EndpointRequest& request,
                         RouteSocket& host, RouteSocket& inside);

// The link, where its namespace lives on, and the leases. Again is success.
Result<> Disconnect(const core::Layout& layout, const Endpoint& endpoint,
                    std::string_view container_id, RouteSocket& host, RouteSocket& inside);

// Through its gateway; none is success. A default route that is there already stays.
Result<> AddDefaultRoute(RouteSocket& inside, int link,
                         const std::optional<EndpointAddress>& address);

// Pure.
std::string LinkName(const NetworkRecord& network, const IpAddress& address);
MacAddress MacOf(const IpAddress& address);  // the same address has always the same

}  // namespace hoy::net
