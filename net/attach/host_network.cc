#include "net/attach/host_network.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/state/name_generator.h"
#include "core/sys/clock.h"
#include "net/attach/link_mark.h"
#include "net/attach/network_events.h"
#include "net/attach/network_options.h"
#include "net/attach/parent_link.h"
#include "net/attach/publish.h"
#include "net/attach/rejoin.h"
#include "net/firewall/forwarding.h"

namespace hoy::net {
namespace {

// Its own names, so that nobody has to guess which of them this machine lacks.
Error CannotMakeBridges(Error error) {
  int code = error.system_errno;
  if (code == EPERM || code == EACCES) {
    error.kind = ErrorKind::kPermission;
    return std::move(error).WithHint(
        "a bridge wants CAP_NET_ADMIN; run as root, or use --network host");
  }
  if (code == EOPNOTSUPP || code == EPROTONOSUPPORT || code == EAFNOSUPPORT ||
      (error.kind == ErrorKind::kUnsupported && error.hint.empty())) {
    error.kind = ErrorKind::kUnsupported;
    return std::move(error).WithHint(
        "the kernel needs bridge, veth and nf_tables (modprobe bridge veth nf_tables; in the place "
        "of nf_tables iptables-legacy will do); or use --network none or --network host");
  }
  return error;
}

Result<> Explained(Result<> result) {
  if (result) return result;
  return Fail(CannotMakeBridges(std::move(result).error()));
}

Result<> ContentWhenThere(Result<> result) {
  bool there = !result && result.error().kind == ErrorKind::kAlreadyExists;
  return there ? Result<>{} : result;
}

// What must not be given out again: other networks, and what this host reaches or is itself. On the
// wire of a link of the host the subnet is that of the wire, which the host has, too.
Result<UsedSubnets> FindUsedSubnets(std::span<const NetworkRecord> networks, bool on_a_wire,
                                    RouteSocket& host) {
  UsedSubnets used;
  for (const NetworkRecord& network : networks) {
    for (const AddressPool& pool : network.pools) used.taken.push_back(pool.subnet);
  }
  if (on_a_wire) return used;
  TRY(std::vector<Route> routes, host.Routes());
  for (const Route& route : routes) used.AddRoute(route.destination, route.gateway.has_value());
  TRY(std::vector<LinkAddress> addresses, host.Addresses());
  for (const LinkAddress& one : addresses) used.taken.emplace_back(one.address, one.prefix);
  return used;
}

// Up comes last: a bridge that is up is whole.
Result<> FillBridge(const core::Layout& layout, const NetworkRecord& network, const Link& bridge,
                    RouteSocket& host) {
  // An address of IPv6 is refused where IPv6 is switched off.
  TRY(PrepareBridge(bridge.name, network.ipv6));
  for (const AddressPool& pool : network.pools) {
    TRY(ContentWhenThere(host.AddAddress(bridge.index, pool.gateway, pool.subnet.prefix())));
  }
  TRY(RejoinMembers(layout, network, bridge, host));
  return host.SetUp(bridge.index);
}

// One that it made itself is not left half made.
Result<> MakeBridge(const core::Layout& layout, const NetworkRecord& network, RouteSocket& host) {
  std::string name = network.Bridge();
  auto made = host.AddBridge({.name = name,
                              .alias = MarkOf(layout, network),
                              .mtu = MtuOf(network),
                              .mac = BridgeMac(network),
                              .vlan = VlanOf(network)});
  bool is_ours = made.has_value();
  TRY(ContentWhenThere(std::move(made)));
  TRY(Link bridge, host.FindLink(name));
  auto filled = FillBridge(layout, network, bridge, host);
  if (!filled && is_ours) (void)host.DeleteLink(bridge.index);
  return filled;
}

bool MayChangeNetworks() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return true;
  return (data[0].effective >> CAP_NET_ADMIN & 1) != 0;
}

// Who has no right to it anyway is told that, and not of a file.
Result<> LetForward(bool v6) {
  auto done = AllowForwarding(v6);
  if (done || MayChangeNetworks()) return done;
  Error error = std::move(done).error();
  error.system_errno = EPERM;
  return Fail(CannotMakeBridges(std::move(error)));
}

}  // namespace

BridgeRules RulesOf(const NetworkRecord& network) {
  BridgeRules rules{.network_id = network.id,
                    .bridge = network.Bridge(),
                    .subnets = {},
                    .internal = network.internal};
  for (const AddressPool& pool : network.pools) rules.subnets.push_back(pool.subnet);
  return rules;
}

// Its own: a bridge without one takes the lowest of its ports', and changes with them.
MacAddress BridgeMac(const NetworkRecord& network) {
  std::string text = "02:42";
  for (size_t i = 0; i < 8; i += 2) text += ":" + network.id.substr(i, 2);
  return ParseMac(text).value_or(MacAddress{2, 0x42, 0, 0, 0, 1});
}

Result<NetworkRecord> MakeNetwork(const core::Layout& layout, const NetworkRequest& request,
                                  RouteSocket& host) {
  TRY(CheckOptions(request.driver, request.options));
  TRY(NetworksLock lock, NetworksLock::Acquire(layout));
  // Before its own subnet is found to be in use.
  if (core::IsValidContainerName(request.name)) TRY(CheckNameIsFree(layout, request.name));
  TRY(std::vector<NetworkRecord> others, ListNetworks(layout));
  // A range without its subnet says nothing of the wire's.
  bool on_a_wire = request.driver != "bridge" && !request.subnets.empty();
  TRY(UsedSubnets used, FindUsedSubnets(others, on_a_wire, host));
  TRY(NetworkRecord record, PlanNetwork(request, core::RandomContainerId(), used));
  if (!HasBridge(record)) {
    TRY(CheckParent(ParentOf(record), host));
    TRY(CheckSharing(record, others));
  }
  record.created = core::Now();
  TRY(CreateNetwork(layout, record, lock));
  RecordNetworkEvent(layout, record, "create");
  return record;
}

Result<NetworkRecord> NeedNetwork(const core::Layout& layout, std::string_view name_or_id,
                                  RouteSocket& host) {
  auto found = FindNetwork(layout, name_or_id);
  if (found || found.error().kind != ErrorKind::kNotFound || name_or_id != kDefaultNetwork) {
    return found;
  }
  auto made = MakeNetwork(layout, {.name = std::string(kDefaultNetwork)}, host);
  if (made) return made;
  if (made.error().kind == ErrorKind::kAlreadyExists) return FindNetwork(layout, name_or_id);
  Error error = std::move(made).error().InContext(fmt::format("network '{}'", kDefaultNetwork));
  if (error.kind != ErrorKind::kConflict) return Fail(std::move(error));
  return Fail(std::move(error).WithHint(
      fmt::format("give it one: hoy network create --subnet 10.9.0.0/24 {}", kDefaultNetwork)));
}

Result<Link> NeedBridge(const core::Layout& layout, const NetworkRecord& network,
                        RouteSocket& host) {
  auto bridge = host.FindLink(network.Bridge());
  if (!bridge && bridge.error().kind != ErrorKind::kNotFound) return bridge;
  if (!network.internal) TRY(LetForward(network.ipv6));
  if (!bridge || !bridge->up) {
    TRY(Explained(MakeBridge(layout, network, host)));
    bridge = host.FindLink(network.Bridge());
    if (network.ipv6) TRY(OpenLoopback6(network.Bridge()));
  }
  auto firewall = Firewall::Open();
  if (!firewall) return Fail(CannotMakeBridges(std::move(firewall).error()));
  TRY(Explained(firewall->AddNetwork(RulesOf(network))));
  if (firewall->was_mended()) TRY(Explained(RestoreRules(layout, *firewall)));
  return bridge;
}

Result<> TakeDown(const core::Layout& layout, const NetworkRecord& network, RouteSocket& host) {
  if (!HasBridge(network)) {
    TRY(std::vector<NetworkRecord> others, ListNetworks(layout));
    return ReleaseParent(network, others, host);
  }
  // The link last: by it a check finds what is left when this is killed.
  TRY(RemoveRules(network.id));
  return host.DeleteLink(network.Bridge());
}

}  // namespace hoy::net
