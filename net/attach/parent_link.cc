#include "net/attach/parent_link.h"

#include <algorithm>

#include "net/attach/link_mark.h"

namespace hoy::net {
namespace {

bool IsMissing(const Result<Link>& link) {
  return !link && link.error().kind == ErrorKind::kNotFound;
}

Error NoParent(const std::string& parent) {
  return MakeError(ErrorKind::kInvalidArgument,
                   fmt::format("parent {}: the host has no such link", parent))
      .WithHint("ip link shows those that it has");
}

// One that was made a moment ago, by us or by another start.
Result<Link> SetUpVlan(const std::string& name, RouteSocket& host) {
  TRY(Link link, host.FindLink(name));
  TRY(host.SetUp(link.index));
  link.up = true;
  return link;
}

Result<Link> NeedParent(const core::Layout& layout, const NetworkRecord& network,
                        RouteSocket& host) {
  std::string name = ParentOf(network);
  auto vlan = ParseVlanName(name);
  auto parent = host.FindLink(name);
  if (parent && vlan && parent->kind == "vlan" && !parent->up) return SetUpVlan(name, host);
  if (!IsMissing(parent)) return parent;
  if (!vlan) return Fail(NoParent(name));
  auto base = host.FindLink(vlan->link);
  if (IsMissing(base)) return Fail(NoParent(vlan->link));
  if (!base) return base;
  auto made = host.AddSubLink({.kind = "vlan",
                               .name = name,
                               .alias = MarkOf(layout, network),
                               .parent = base->index,
                               .mode = vlan->tag});
  if (!made && made.error().kind != ErrorKind::kAlreadyExists) return Fail(std::move(made).error());
  auto vlan_link = SetUpVlan(name, host);
  if (made || !IsMissing(vlan_link)) return vlan_link;
  return Fail(MakeError(ErrorKind::kConflict,
                        fmt::format("parent {}: {} has tag {} already, as a link of another name",
                                    name, vlan->link, vlan->tag))
                  .WithHint("ip -d link shows it: parent=ITS_NAME"));
}

Error Explain(Error error, const NetworkRecord& network) {
  std::string parent = ParentOf(network);
  if (error.system_errno == EBUSY) {
    error.message = fmt::format("parent {} is in use by another driver", parent);
    return std::move(error).WithHint("a bridge, or the other of macvlan and ipvlan, has it");
  }
  if (error.system_errno == EOPNOTSUPP) {
    return std::move(error).WithHint(
        fmt::format("the kernel has no {} (modprobe {})", network.driver, network.driver));
  }
  return error;
}

}  // namespace

Result<> CheckParent(const std::string& parent, RouteSocket& host) {
  auto link = host.FindLink(parent);
  if (link) return {};
  if (!IsMissing(link)) return Fail(std::move(link).error());
  auto vlan = ParseVlanName(parent);
  if (!vlan) return Fail(NoParent(parent));
  auto base = host.FindLink(vlan->link);
  if (base) return {};
  return IsMissing(base) ? Fail(NoParent(vlan->link)) : Fail(std::move(base).error());
}

Result<> CheckSharing(const NetworkRecord& network, std::span<const NetworkRecord> others) {
  for (const NetworkRecord& other : others) {
    if (HasBridge(other) || ParentOf(other) != ParentOf(network)) continue;
    bool same_mode = network.driver == "macvlan" || (ModeOf(other) == ModeOf(network) &&
                                                     IpvlanFlagOf(other) == IpvlanFlagOf(network));
    if (other.driver == network.driver && same_mode) continue;
    return Fail(
        MakeError(
            ErrorKind::kConflict,
            fmt::format("parent {} is that of network '{}', with another {}", ParentOf(network),
                        other.name, other.driver == network.driver ? "mode or flag" : "driver"))
            .WithHint("a link has one driver and, with ipvlan, one mode and flag; a VLAN of it "
                      "(parent=eth0.50) is another link"));
  }
  return {};
}

Result<> AddDirectLink(const core::Layout& layout, const NetworkRecord& network,
                       const DirectLink& link, RouteSocket& host) {
  TRY(Link parent, NeedParent(layout, network, host));
  if (!parent.up) {
    return Fail(MakeError(ErrorKind::kConflict, fmt::format("parent {} is down", parent.name))
                    .WithHint(fmt::format("ip link set {} up", parent.name)));
  }
  auto made = host.AddSubLink({.kind = network.driver,
                               .name = link.name,
                               .alias = "",
                               .network_namespace = link.network_namespace,
                               .parent = parent.index,
                               .mtu = MtuOf(network),
                               .mac = link.mac,
                               .mode = ModeOf(network),
                               .ipvlan_flag = IpvlanFlagOf(network)});
  if (made) return {};
  return Fail(Explain(std::move(made).error(), network));
}

Result<std::vector<IpAddress>> AddressesOfParent(const NetworkRecord& network, RouteSocket& host) {
  std::vector<IpAddress> found;
  auto parent = host.FindLink(ParentOf(network));
  if (IsMissing(parent)) return found;
  if (!parent) return Fail(std::move(parent).error());
  TRY(std::vector<LinkAddress> addresses, host.Addresses());
  for (const LinkAddress& one : addresses) {
    if (one.link == parent->index) found.push_back(one.address);
  }
  return found;
}

bool StandsOn(std::string name, std::string_view link) {
  while (name != link) {
    auto vlan = ParseVlanName(name);
    if (!vlan) return false;
    name = vlan->link;
  }
  return true;
}

Result<> ReleaseParent(const NetworkRecord& network, std::span<const NetworkRecord> others,
                       RouteSocket& host) {
  std::string name = ParentOf(network);
  while (true) {
    bool is_needed = std::ranges::any_of(others, [&](const NetworkRecord& other) {
      return other.id != network.id && !HasBridge(other) && StandsOn(ParentOf(other), name);
    });
    auto link = host.FindLink(name);
    // Whichever network made it, hoy did.
    bool is_ours = link && link->kind == "vlan" && IsMark(link->alias);
    if (is_needed || !is_ours) return {};
    TRY(host.DeleteLink(link->index));
    auto vlan = ParseVlanName(name);
    if (!vlan) return {};
    name = vlan->link;
  }
}

}  // namespace hoy::net
