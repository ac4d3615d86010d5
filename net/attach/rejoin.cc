#include "net/attach/rejoin.h"

#include "net/attach/network_status.h"
#include "net/state/network_store.h"

namespace hoy::net {

Result<> PutIntoBridge(const Link& link, const Link& bridge, bool hairpin, RouteSocket& host) {
  TRY(host.SetMaster(link.index, bridge.index));
  if (hairpin) TRY(host.SetHairpin(link.index));
  return host.SetUp(link.index);
}

Result<> RejoinMembers(const core::Layout& layout, const NetworkRecord& network, const Link& bridge,
                       RouteSocket& host) {
  TRY(std::vector<Lease> leases, ListLeases(layout, network));
  for (const Lease& lease : leases) {
    auto status = ReadNetworkStatus(layout, lease.container_id);
    if (!status || !*status) continue;
    for (const Endpoint& endpoint : (*status)->endpoints) {
      if (endpoint.network_id != network.id || endpoint.link.empty()) continue;
      auto link = host.FindLink(endpoint.link);
      if (!link) continue;
      auto put = PutIntoBridge(*link, bridge, !(*status)->ports.empty(), host);
      bool has_gone = !put && put.error().system_errno == ENODEV;  // its container is ending
      if (!put && !has_gone) return put;
    }
  }
  return {};
}

}  // namespace hoy::net
