#include "cli/ops/network_warnings.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/engine/etc_files.h"
#include "core/monitor/forward.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/attach/names.h"
#include "net/attach/network_options.h"
#include "net/attach/network_status.h"
#include "net/firewall/firewall.h"
#include "net/firewall/other_rules.h"
#include "net/firewall/port_sockets.h"
#include "net/state/network_store.h"

namespace hoy::cli {

namespace {

constexpr std::string_view kWayOut = "way-out";

std::string ToldPath(const Context& context, std::string_view what) {
  return fmt::format("{}/{}-told", context.layout.run, what);
}

// Whether nobody was told of it since the host was booted. Now somebody is.
bool IsFirst(const Context& context, std::string_view what) {
  return core::OpenAt(core::kCwd, ToldPath(context, what), O_WRONLY | O_CREAT | O_EXCL, 0600)
      .has_value();
}

std::vector<net::NetworkRecord> NetworksOf(const Context& context,
                                           const core::ContainerRecord& record) {
  std::vector<net::NetworkRecord> networks;
  for (const core::NetworkAttachment& attachment : record.config.network.attachments) {
    auto network = net::ReadNetwork(context.layout, attachment.network);
    if (network) networks.push_back(*std::move(network));
  }
  return networks;
}

void WarnOfIptables(Context& context) {
  const std::string& program = net::Firewall::FellBackTo();
  if (program.empty()) return;
  if (!IsFirst(context, "iptables")) return;
  context.Warn(fmt::format(
      "the kernel has no nf_tables: networks and published ports are done with {}, which is slower",
      program));
}

void WarnOfBlockers(Context& context, const std::vector<net::NetworkRecord>& networks,
                    bool publishes) {
  if (!publishes && core::Exists(ToldPath(context, kWayOut))) return;
  std::set<std::string> seen;
  for (const net::NetworkRecord& network : networks) {
    if (!net::HasBridge(network)) continue;
    if (!publishes && network.internal) continue;
    auto blockers = net::FindBlockers(network.Bridge());
    if (!blockers) continue;
    for (const net::Blocker& blocker : *blockers) {
      // An IPv6 table is in nobody's way where there is no IPv6.
      if (blocker.family == "ip6" && !network.ipv6) continue;
      if (!(publishes ? blocker.published : blocker.outgoing)) continue;
      std::string text = fmt::format("{}; to let them {}: {}", net::Describe(blocker, publishes),
                                     publishes ? "in" : "out", blocker.remedy);
      if (!publishes && seen.empty() && !IsFirst(context, kWayOut)) return;
      if (seen.insert(text).second) context.Warn(text);
    }
  }
}

// Of one family: the first that leads out, with or without a bridge.
const net::NetworkRecord* FirstOut(const std::vector<net::NetworkRecord>& networks, bool v6,
                                   bool by_bridge) {
  auto is_it = [&](const net::NetworkRecord& network) {
    auto has_family = [&](const net::AddressPool& pool) { return pool.subnet.is_v6() == v6; };
    return !network.internal && (net::HasBridge(network) || !by_bridge) &&
           std::ranges::any_of(network.pools, has_family);
  };
  auto found = std::ranges::find_if(networks, is_it);
  return found == networks.end() ? nullptr : &*found;
}

void WarnOfWays(Context& context, const std::vector<net::NetworkRecord>& networks) {
  auto bridge = std::ranges::find_if(networks, &net::HasBridge);
  bool leads_out = std::ranges::any_of(networks, [](const net::NetworkRecord& network) {
    return net::HasBridge(network) && !network.internal;
  });
  if (bridge != networks.end() && !leads_out) {
    context.Warn(fmt::format(
        "-p: network '{}' is internal: the ports are reached from this host alone", bridge->name));
    return;
  }
  for (bool v6 : {false, true}) {
    const net::NetworkRecord* published = FirstOut(networks, v6, /*by_bridge=*/true);
    const net::NetworkRecord* out = FirstOut(networks, v6, /*by_bridge=*/false);
    if (published == nullptr || out == published) continue;
    context.Warn(
        fmt::format("-p: answers to the world leave by network '{}', whose driver is {}: name '{}' "
                    "first",
                    out->name, out->driver, published->name));
    return;
  }
}

bool WasAskedForEverywhere(const net::PublishedPort& port, const core::NetworkConfig& config) {
  return std::ranges::any_of(config.ports, [&](const core::PortBinding& binding) {
    uint16_t last = std::max(binding.host_port, binding.host_port_last);
    bool is_its =
        binding.host_port == 0 || (port.host_port >= binding.host_port && port.host_port <= last);
    return is_its && binding.host_address.empty() &&
           binding.container_port == port.container_port &&
           binding.protocol == net::TransportName(port.protocol);
  });
}

bool IsByIpv4Alone(const net::PublishedPort& port, const core::NetworkConfig& config,
                   const std::set<std::pair<uint8_t, uint16_t>>& by_ipv6) {
  return !port.host.is_v6() && port.host.IsAny() && port.protocol != IPPROTO_SCTP &&
         !by_ipv6.contains({port.protocol, port.host_port}) && WasAskedForEverywhere(port, config);
}

// Ports without an address that others have of the host's IPv6 addresses, or that are too many.
void WarnOfMissingIpv6(Context& context, const core::NetworkConfig& config,
                       const net::NetworkStatus& status) {
  auto addresses = core::ReadKernelFile("/proc/net/if_inet6");
  if (!addresses || addresses->empty()) return;
  std::set<std::pair<uint8_t, uint16_t>> by_ipv6;
  for (const net::PublishedPort& port : status.ports) {
    if (port.host.is_v6()) by_ipv6.emplace(port.protocol, port.host_port);
  }
  std::vector<net::PublishedPort> missing;
  for (const net::PublishedPort& port : status.ports) {
    if (!IsByIpv4Alone(port, config, by_ipv6)) continue;
    missing.push_back(port);
    missing.back().host = *net::IpAddress::Parse("::");
  }
  if (missing.empty()) return;
  auto carried = static_cast<size_t>(std::ranges::count_if(status.ports, net::IsForwarded));
  if (carried >= core::kMostForwards) {
    context.Warn(
        fmt::format("-p: {} ports are reached by IPv4 alone: no more than {} are carried "
                    "on to a container that has IPv4 alone",
                    missing.size(), core::kMostForwards));
    return;
  }
  for (const net::PublishedPort& port : missing) {
    auto holder = net::FindPortHolder(port);
    std::string by = holder && holder->pid != 0
                         ? fmt::format(" by {} (pid {})", holder->program, holder->pid)
                         : "";
    context.Warn(fmt::format("-p: port {} is in use{}: the port is reached by IPv4 alone",
                             net::ToString(port), by));
  }
}

void WarnOfServers(Context& context, const core::NetworkConfig& config) {
  auto network = std::ranges::find_if(config.attachments, [](const core::NetworkAttachment& one) {
    return one.network != net::kDefaultNetwork;
  });
  bool all = std::ranges::all_of(config.dns, core::IsOnLoopback);
  if (network == config.attachments.end() || all) return;
  for (const std::string& server : config.dns) {
    if (!core::IsOnLoopback(server)) continue;
    context.Warn(
        fmt::format("--dns {}: not asked by the resolver of network '{}', which reaches the other "
                    "servers alone; programs ask it where those fail",
                    server, network->network));
  }
}

void WarnOfReach(Context& context, const core::ContainerRecord& record,
                 const std::vector<net::NetworkRecord>& networks) {
  WarnOfHosts(context);
  WarnOfServers(context, record.config.network);
  if (record.config.network.ports.empty()) return;
  WarnOfWays(context, networks);
  auto status = net::ReadNetworkStatus(context.layout, record.id);
  if (status && *status) WarnOfMissingIpv6(context, record.config.network, **status);
}

}  // namespace

void WarnOfNetworks(Context& context, const core::ContainerRecord& record) {
  if (record.config.network.attachments.empty()) {
    bool is_alone = record.config.namespaces.net == core::NamespaceMode::kPrivate;
    if (is_alone && core::NamesHost(record.config.network)) {
      context.Warn("--add-host NAME:host-gateway: there is no way to the host without a network");
    }
    return;
  }
  std::vector<net::NetworkRecord> networks = NetworksOf(context, record);
  WarnOfIptables(context);
  WarnOfBlockers(context, networks, !record.config.network.ports.empty());
  WarnOfReach(context, record, networks);
}

void WarnOfPorts(Context& context, const core::ContainerRecord& record) {
  WarnOfReach(context, record, NetworksOf(context, record));
}

void WarnOfHosts(Context& context) {
  for (const std::string& text : net::TakeUnwrittenHosts()) context.Warn(text);
}

}  // namespace hoy::cli
