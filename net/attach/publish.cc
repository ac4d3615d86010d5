#include "net/attach/publish.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/base/fail_point.h"
#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/attach/network_options.h"
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
    // Of any IPv4 address: it has [::] as well.
    PublishedPort own = other.port;
    if (port.host.is_v6() && own.host.IsAny()) own.host = port.host;
    bool is_its = other.container_id != own_id && Collide(own, port);
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

PublishedPort PortOf(const PortWish& wish, const PortWish::Way& way) {
  return {way.host, wish.first, wish.protocol, way.container, wish.container_port};
}

bool Has(std::span<const PublishedPort> ports, const PublishedPort& port) {
  return std::ranges::find(ports, port) != ports.end();
}

// With the port of the host that was chosen for it, as far as there is one that none of `others`
// names.
core::PortBinding AtItsPort(core::PortBinding binding, std::span<const core::PortBinding> others,
                            std::span<const PublishedPort> ports) {
  uint16_t last = std::max(binding.host_port, binding.host_port_last);
  if (binding.host_port != 0 && binding.host_port == last) return binding;
  auto is_its = [&](const PublishedPort& port) {
    bool is_there = binding.host_address.empty()
                        ? port.host.IsAny()
                        : port.host == IpAddress::Parse(binding.host_address);
    bool is_wanted =
        binding.host_port == 0 || (port.host_port >= binding.host_port && port.host_port <= last);
    bool is_others = std::ranges::any_of(others, [&](const core::PortBinding& other) {
      return other.host_port == port.host_port && other.host_port_last <= other.host_port &&
             other.host_address == binding.host_address && other.protocol == binding.protocol;
    });
    return is_there && is_wanted && !is_others && port.container_port == binding.container_port &&
           port.protocol == ProtocolOf(binding.protocol);
  };
  auto found = std::ranges::find_if(ports, is_its);
  if (found == ports.end()) return binding;
  binding.host_port = found->host_port;
  binding.host_port_last = 0;
  return binding;
}

std::vector<PublishedPort> NamedPorts(std::span<const PortWish> wishes) {
  std::vector<PublishedPort> ports;
  for (const PortWish& wish : wishes) {
    if (wish.first == 0 || wish.first != wish.last) continue;
    for (const PortWish::Way& way : wish.ways) {
      ports.push_back(PortOf(wish, way));
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

Result<core::MonitorNetwork> PackHeld(const HeldPorts& held) {
  core::MonitorNetwork network;
  if (!held.sockets.empty()) {
    TRY(network.ports, Pack(held.sockets));
  }
  if (!held.forwards.empty()) {
    TRY(PackedForwards forwards, PackForwards(held.forwards));
    network.bundle = std::move(forwards.bundle);
    network.watch = std::move(forwards.watch);
  }
  return network;
}

// True: it is held, or cannot be. False: what forwards for a monitor that was killed may have it
// still, which is killed, too, a moment later.
bool Hold(const PortWish& wish, HeldPorts& all) {
  auto held = HoldPorts({&wish, 1}, [](const PublishedPort&) { return false; });
  if (!held) {
    return held.error().system_errno != EADDRINUSE || !wish.ways.front().host.is_v6();
  }
  std::ranges::move(held->sockets, std::back_inserter(all.sockets));
  std::ranges::move(held->forwards, std::back_inserter(all.forwards));
  return true;
}

// The bridge has it since it was made, but where /proc/sys could not be written.
Result<> OpenLoopback4(std::span<const PublishedPort> ports, const NetworkStatus& status) {
  for (const Endpoint& endpoint : status.endpoints) {
    bool is_way = std::ranges::any_of(ports, [&](const PublishedPort& port) {
      return endpoint.v4 && port.container == endpoint.v4->address && IsByRules(port) &&
             !port.host.is_v6() && (port.host.IsAny() || port.host.IsLoopback());
    });
    if (!is_way) continue;
    TRY_CONTEXT(AllowLocalnet(NetworkRecord{.id = endpoint.network_id}.Bridge()),
                "publish ports on 127.0.0.1");
  }
  return {};
}

}  // namespace

std::vector<std::string> OnlyExposed(const core::ContainerConfig& config) {
  std::vector<std::string> exposed = config.exposed_ports;
  for (const core::PortBinding& binding : config.network.ports) {
    std::erase(exposed, fmt::format("{}/{}", binding.container_port, binding.protocol));
  }
  return exposed;
}

Result<std::vector<PortWish>> WishesFor(std::span<const core::PortBinding> bindings,
                                        const std::optional<IpAddress>& v4,
                                        const std::optional<IpAddress>& v6, bool only_within) {
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
      // As docker's proxy: also where the container has no IPv6.
      bool implied = v4 && !v6 && wish.protocol != IPPROTO_SCTP;
      const char* host = only_within ? "::1" : "::";
      if (implied) wish.ways.push_back({*IpAddress::Parse(host), *v4, /*implied=*/true});
    } else {
      auto host = IpAddress::Parse(binding.host_address);
      if (!host) {
        return Fail(ErrorKind::kCorrupt, "'{}' is not an address", binding.host_address);
      }
      bool by_v6 = host->is_v6() && (v6 || wish.protocol == IPPROTO_SCTP);
      const auto& container = by_v6 ? v6 : v4;
      if (only_within && host->is_v6() && !by_v6 && !host->IsLoopback()) {
        return Fail(MakeError(ErrorKind::kInvalidArgument,
                              fmt::format("port {} on {}: the container's networks are internal, "
                                          "and nobody else's to reach",
                                          binding.container_port, binding.host_address))
                        .WithHint("publish it on [::1], or add a network that is not --internal"));
      }
      if (!container) {
        return Fail(
            MakeError(ErrorKind::kInvalidArgument,
                      fmt::format("port {} on {}: the container has no IPv{} address",
                                  binding.container_port, binding.host_address, by_v6 ? 6 : 4))
                .WithHint(by_v6 ? "use a network that has (hoy network create --ipv6)"
                                : "use a network that has one"));
      }
      wish.ways.push_back({*host, *container});
    }
    if (!wish.ways.empty()) wishes.push_back(std::move(wish));
  }
  return wishes;
}

Result<std::vector<PortWish>> WishesFor(std::span<const core::PortBinding> bindings,
                                        const NetworkStatus& status) {
  auto v4 = status.PublishedAddress(false);
  bool leads_out = std::ranges::any_of(status.endpoints, [&](const Endpoint& endpoint) {
    return endpoint.v4 && endpoint.v4->address == v4 && endpoint.v4->gateway;
  });
  return WishesFor(bindings, v4, status.PublishedAddress(true), v4 && !leads_out);
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
  TRY(std::vector<PortWish> wishes, WishesFor(bindings, status));
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
  if (firewall.was_mended()) TRY(RestoreRules(layout, firewall));
  FailPoint("attach-published");
  TRY(OpenLoopback4(held->ports, status));
  bool by_loopback6 = std::ranges::any_of(held->ports, [](const PublishedPort& port) {
    return port.host.is_v6() && !IsForwarded(port);
  });
  for (const Endpoint& endpoint : status.endpoints) {
    if (by_loopback6 && endpoint.v6 && !endpoint.link.empty())
      TRY(OpenLoopback6(NetworkRecord{.id = endpoint.network_id}.Bridge()));
  }
  std::vector<PublishedPort> fresh = held->ports;
  std::erase_if(fresh, [&](const PublishedPort& port) { return Has(status.ports, port); });
  (void)ForgetConnections(fresh);  // they end by themselves, only later
  TRY(done.held, PackHeld(*held));
  done.ports = std::move(held->ports);
  return done;
}

core::MonitorNetwork HoldAgain(std::span<const PublishedPort> ports) {
  std::vector<PortWish> wishes;
  for (const PublishedPort& port : ports) {
    wishes.push_back({.ways = {{port.host, port.container}},
                      .first = port.host_port,
                      .last = port.host_port,
                      .container_port = port.container_port,
                      .protocol = port.protocol});
  }
  // One patience for all of them: what is another program's stays so.
  constexpr int kTries = 100;
  constexpr std::chrono::milliseconds kPause(10);
  HeldPorts all;
  for (int attempt = 0; !wishes.empty() && attempt < kTries; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    std::erase_if(wishes, [&](const PortWish& wish) { return Hold(wish, all); });
  }
  (void)LimitForwards(all);  // those of one start are not too many
  auto held = PackHeld(all);
  return held ? *std::move(held) : core::MonitorNetwork();
}

Result<> MovePorts(const core::Layout& layout, std::string_view id, NetworkStatus& status) {
  std::vector<PublishedPort> moved;
  for (PublishedPort port : status.ports) {
    auto address = status.PublishedAddress(port.container.is_v6());
    if (!address) continue;
    port.container = *address;
    moved.push_back(port);
  }
  if (moved == status.ports) return {};
  TRY(ReplaceRules(layout, id, status.ports, moved));
  status.ports = std::move(moved);
  return {};
}

Result<> ReplaceRules(const core::Layout& layout, std::string_view id,
                      std::span<const PublishedPort> before, std::span<const PublishedPort> ports) {
  TRY(RemoveRules(id, before));
  if (ports.empty()) return {};
  TRY(Firewall firewall, Firewall::Open());
  TRY(firewall.Publish(id, ports));
  if (firewall.was_mended()) TRY(RestoreRules(layout, firewall));
  return {};
}

Result<std::optional<std::vector<core::PortBinding>>> OtherPorts(
    std::span<const core::PortBinding> bindings, const NetworkStatus& status) {
  std::vector<PublishedPort> wanted;
  std::vector<core::PortBinding> named(bindings.begin(), bindings.end());
  for (core::PortBinding& binding : named) binding = AtItsPort(binding, named, status.ports);
  std::vector<core::PortBinding> others;
  for (core::PortBinding& binding : named) {
    auto wishes = WishesFor({&binding, 1}, status);
    if (!wishes && wishes.error().kind != ErrorKind::kInvalidArgument) {
      return Fail(std::move(wishes).error());
    }
    if (!wishes || wishes->empty()) continue;
    for (const PortWish& wish : *wishes) {
      for (const PortWish::Way& way : wish.ways) {
        wanted.push_back(PortOf(wish, way));
      }
    }
    others.push_back(std::move(binding));
  }
  std::optional<std::vector<core::PortBinding>> result;
  if (!std::ranges::is_permutation(wanted, status.ports)) result = std::move(others);
  return result;
}

Result<> RemoveRules(std::string_view id, std::span<const PublishedPort> ports) {
  auto firewall = Firewall::Open();
  if (!firewall && firewall.error().kind == ErrorKind::kUnsupported) return {};  // then none
  if (!firewall) return Fail(std::move(firewall).error());
  TRY(firewall->Remove(id));
  (void)ForgetConnections(ports);
  return {};
}

Result<> RestoreRules(const core::Layout& layout, Firewall& firewall) {
  TRY(std::vector<NetworkRecord> networks, ListNetworks(layout));
  // Not /sys/class/net: that may be another namespace's.
  TRY(RouteSocket host, RouteSocket::Open());
  for (const NetworkRecord& network : networks) {
    if (HasBridge(network) && host.FindLink(network.Bridge())) {
      TRY(firewall.AddNetwork(RulesOf(network)));
    }
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
