#pragma once
// A network on the host: its record, which the default one gets at its first use, and its bridge
// with addresses, forwarding and rules. Each is made by whoever finds it missing: also when a
// reboot or a person took it away.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/firewall/firewall.h"
#include "net/netlink/route.h"
#include "net/state/network_record.h"
#include "net/state/network_store.h"

namespace hoy::net {

constexpr std::string_view kDefaultNetwork = "bridge";

// By name or id. The default one is made when it is not there.
Result<NetworkRecord> NeedNetwork(const core::Layout& layout, std::string_view name_or_id,
                                  RouteSocket& host);
// kAlreadyExists, and what PlanNetwork says.
Result<NetworkRecord> MakeNetwork(const core::Layout& layout, const NetworkRequest& request,
                                  RouteSocket& host);

// The bridge is up, and its packets are let through, when this returns. kUnsupported or
// kPermission: this machine cannot; the hint says what to do instead.
Result<Link> NeedBridge(const core::Layout& layout, const NetworkRecord& network,
                        RouteSocket& host);

// Of a network whose record is gone: bridge and rules, or a VLAN that was made for it. Again is
// success.
Result<> TakeDown(const core::Layout& layout, const NetworkRecord& network, RouteSocket& host);

// Pure.
BridgeRules RulesOf(const NetworkRecord& network);
MacAddress BridgeMac(const NetworkRecord& network);

}  // namespace hoy::net
