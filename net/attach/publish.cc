#include "net/attach/publish.h"

#include <algorithm>

#include "core/base/fail_point.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/firewall/conntrack.h"
#include "net/firewall/forwarding.h"
#include "net/state/network_store.h"

namespace hoy::net {
namespace {

uint8_t ProtocolOf(std::string_view name) {
  if (name == "udp") return IPPROTO_UDP;
  return name == "sctp" ? IPPROTO_SCTP : IPPROTO_TCP;
}

// Whether a published port of another container is a left-over. Of containers of other data roots
// nothing is known but that their socket was free, which is asked only when it was.
bool IsOver(const core::Layout& layout, const OwnedPort& other) {
  bool socket_was_free = other.port.protocol != IPPROTO_SCTP;
  auto status = core::Observe(layout, other.container_id);
  if (!status) return socket_was_free && status.error().kind == ErrorKind::kNotFound;
  // Who starts it holds its sockets.
  if (status->state == core::ContainerState::kInitializing) return socket_was_free;
  return !status->IsUp();
}

std::string NameOf(const core::Layout& layout, std::string_view id) {
  auto summary = core::ReadSummary(layout, id);
  return summary ? fmt::format("container '{}'", summary->name)
                 : fmt::format("container {}", core::ShortId(id));
}

std::string HolderOf(const core::Layout& layout, const PublishedPort& port, Firewall& firewall,
                     std::string_view own_id) {
  auto published = firewall.Published();
  for (const OwnedPort& other : published.value_or(std::vector<OwnedPort>())) {
    bool is_its = other.container_id != own_id && Collide(other.port, port);
    if (is_its) return NameOf(layout, other.container_id);
  }
  auto holder = FindPortHolder(port);
  if (!holder || holder->pid == 0) return "another process";
  return fmt::format("{} (pid {})", holder->program, holder->pid);
}

// The port that an error of HoldPorts or Publish is about.
const PublishedPort* Subject(const Error& error, std::span<const PublishedPort> ports) {
  auto found = std::ranges::find_if(ports, [&](const PublishedPort& port) {
    return error.message.find(ToString(port)) != std::string::npos;
  });
  return found == ports.end() ? nullptr : &*found;
}

std::vector<PublishedPort> NamedPorts(std::span<const PortWish> wishes) {
  std::vector<PublishedPort> ports;
  for (const PortWish& wish : wishes) {
    if (wish.first == 0 || wish.first != wish.last) continue;
    for (const PortWish::Way& way : wish.ways) {
      ports.push_back({way.host, wish.first, wish.protocol, way.container, wish.container_port});
    }
  }
  return ports;
}

Error Explain(Error error, const core::Layout& layout, std::span<const PortWish> wishes,
              Firewall& firewall, std::string_view id) {
  if (error.kind != ErrorKind::kConflict) return error;
  std::vector<PublishedPort> ports = NamedPorts(wishes);
  const PublishedPort* port = Subject(error, ports);
  if (port == nullptr) return error;
  error.subject = ToString(*port);
  error.message = fmt::format("port {} is in use by {}", ToString(*port),
                              HolderOf(layout, *port, firewall, id));
  return std::move(error).WithHint("publish another port of the host, or any: -p CONTAINER_PORT");
}

}  // namespace

Result<std::vector<PortWish>> WishesFor(std::span<const core::PortBinding> bindings,
                                        const std::optional<IpAddress>& v4,
                                        const std::optional<IpAddress>& v6) {
  std::vector<PortWish> wishes;
  for (const core::PortBinding& binding : bindings) {
    PortWish wish{.ways = {},
                  .first = binding.host_port,
                  .last = std::max(binding.host_port, binding.host_port_last),
                  .container_port = binding.container_port,
                  .protocol = ProtocolOf(binding.protocol)};
    if (binding.host_address.empty()) {
      if (v4) wish.ways.push_back({*IpAddress::Parse("0.0.0.0"), *v4});
      if (v6) wish.ways.push_back({*IpAddress::Parse("::"), *v6});
    } else {
      auto host = IpAddress::Parse(binding.host_address);
      if (!host) {
        return Fail(ErrorKind::kCorrupt, "'{}' is not an address", binding.host_address);
      }
      const auto& container = host->is_v6() ? v6 : v4;
      if (!container) {
        return Fail(MakeError(ErrorKind::kInvalidArgument,
                              fmt::format("port {} on {}: the container has no IPv{} address",
                                          binding.container_port, binding.host_address,
                                          host->is_v6() ? 6 : 4))
                        .WithHint("use a network that has (hoy network create --ipv6)"));
      }
      wish.ways.push_back({*host, *container});
    }
    if (!wish.ways.empty()) wishes.push_back(std::move(wish));
  }
  return wishes;
}

Result<PublishedPorts> PublishPorts(const core::Layout& layout, std::string_view id,
                                    std::span<const core::PortBinding> bindings,
                                    const NetworkStatus& status) {
  PublishedPorts done;
  bool has_bridge = std::ranges::any_of(
      status.endpoints, [](const Endpoint& endpoint) { return !endpoint.link.empty(); });
  if (!bindings.empty() && !status.endpoints.empty() && !has_bridge) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("network '{}' is beside the host: no port of the host leads "
                                      "to it",
                                      status.endpoints.front().network))
                    .WithHint("the container is reached at its own address; or add a network of "
                              "driver bridge"));
  }
  TRY(std::vector<PortWish> wishes,
      WishesFor(bindings, status.PublishedAddress(false), status.PublishedAddress(true)));
  if (wishes.empty()) return done;
  TRY(Firewall firewall, Firewall::Open());
  TRY(std::vector<OwnedPort> published, firewall.Published());
  auto is_over = [&](const OwnedPort& other) { return IsOver(layout, other); };
  auto is_taken = [&](const PublishedPort& port) {
    return std::ranges::any_of(published, [&](const OwnedPort& other) {
      return other.container_id != id && Collide(port, other.port) && !is_over(other);
    });
  };
  auto held = HoldPorts(wishes, is_taken);
  if (!held) return Fail(Explain(std::move(held).error(), layout, wishes, firewall, id));
  auto written = firewall.Publish(id, held->ports, is_over);
  if (!written) return Fail(Explain(std::move(written).error(), layout, wishes, firewall, id));
  FailPoint("attach-published");
  for (const Endpoint& endpoint : status.endpoints) {
    if (endpoint.v6 && !endpoint.link.empty())
      TRY(OpenLoopback6(NetworkRecord{.id = endpoint.network_id}.Bridge()));
  }
  (void)ForgetConnections(held->ports);  // they end by themselves, only later
  done.ports = std::move(held->ports);
  if (!held->sockets.empty()) {
    TRY(done.hold, Pack(held->sockets));
  }
  return done;
}

Fd HoldAgain(std::span<const PublishedPort> ports) {
  std::vector<Fd> sockets;
  for (const PublishedPort& port : ports) {
    PortWish wish{.ways = {{port.host, port.container}},
                  .first = port.host_port,
                  .last = port.host_port,
                  .container_port = port.container_port,
                  .protocol = port.protocol};
    auto held = HoldPorts({&wish, 1}, [](const PublishedPort&) { return false; });
    if (held) std::ranges::move(held->sockets, std::back_inserter(sockets));
  }
  if (sockets.empty()) return {};
  auto packed = Pack(sockets);
  return packed ? *std::move(packed) : Fd();
}

Result<> MovePorts(std::string_view id, NetworkStatus& status) {
  std::vector<PublishedPort> moved;
  for (PublishedPort port : status.ports) {
    auto address = status.PublishedAddress(port.host.is_v6());
    if (!address) continue;
    port.container = *address;
    moved.push_back(port);
  }
  if (moved == status.ports) return {};
  TRY(UnpublishPorts(id, status.ports));
  TRY(Firewall firewall, Firewall::Open());
  if (!moved.empty()) TRY(firewall.Publish(id, moved));
  status.ports = std::move(moved);
  return {};
}

Result<> UnpublishPorts(std::string_view id, std::span<const PublishedPort> ports) {
  auto firewall = Firewall::Open();
  if (!firewall && firewall.error().kind == ErrorKind::kUnsupported) return {};  // then none
  if (!firewall) return Fail(std::move(firewall).error());
  TRY(firewall->Remove(id));
  (void)ForgetConnections(ports);
  return {};
}

Result<> RestoreRules(const core::Layout& layout, Firewall& firewall) {
  TRY(std::vector<NetworkRecord> networks, ListNetworks(layout));
  for (const NetworkRecord& network : networks) {
    bool is_up = core::Exists("/sys/class/net/" + network.Bridge());
    if (is_up) TRY(firewall.AddNetwork(RulesOf(network)));
  }
  TRY(std::vector<std::string> ids, core::ListDirectory(layout.RunContainers()));
  for (const std::string& id : ids) {
    auto status = ReadNetworkStatus(layout, id);
    if (!status || !*status || (*status)->ports.empty()) continue;
    auto run = core::Observe(layout, id);
    if (!run || !run->IsUp()) continue;
    // What another took meanwhile is his.
    (void)firewall.Publish(id, (*status)->ports,
                           [&](const OwnedPort& other) { return IsOver(layout, other); });
  }
  return {};
}

}  // namespace hoy::net
