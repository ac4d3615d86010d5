#include "net/attach/endpoint.h"

#include <algorithm>

#include "core/state/container_id.h"
#include "net/attach/host_network.h"
#include "net/attach/leases.h"
#include "net/attach/network_options.h"
#include "net/attach/parent_link.h"

namespace hoy::net {
namespace {

constexpr size_t kNetworkIdInName = 4;  // with "hoy" and 8 digits of the address 15 characters
constexpr int kAttempts = 8;

// FNV-1a: 4 bytes of an address that has more.
uint32_t Digest(std::string_view bytes) {
  uint32_t hash = 2166136261;
  for (char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619;
  return hash;
}

const AddressPool* PoolOf(const NetworkRecord& network, bool v6) {
  auto pool = std::ranges::find_if(
      network.pools, [&](const AddressPool& one) { return one.subnet.is_v6() == v6; });
  return pool == network.pools.end() ? nullptr : &*pool;
}

Result<std::optional<IpAddress>> ParseWanted(const std::string& text, bool v6,
                                             const NetworkRecord& network) {
  std::optional<IpAddress> wanted;
  if (text.empty()) return wanted;
  wanted = IpAddress::Parse(text);
  if (!wanted || wanted->is_v6() != v6) {
    return Fail(ErrorKind::kInvalidArgument, "address '{}': not an IPv{} address", text,
                v6 ? 6 : 4);
  }
  if (PoolOf(network, v6) == nullptr) {
    return Fail(ErrorKind::kInvalidArgument, "address {}: network '{}' has no IPv{} subnet", text,
                network.name, v6 ? 6 : 4);
  }
  return wanted;
}

class Connector {
 public:
  Connector(const core::Layout& layout, const NetworkRecord& network,
            const EndpointRequest& request, RouteSocket& host, RouteSocket& inside)
      : layout_(layout), network_(network), request_(request), host_(host), inside_(inside) {}

  Result<Endpoint> Connect(const core::NetworkAttachment& wanted) {
    Link bridge;
    if (HasBridge(network_)) {
      TRY(bridge, NeedBridge(layout_, network_, host_));
    }
    TRY(auto v4, ParseWanted(wanted.address, false, network_));
    TRY(auto v6, ParseWanted(wanted.address6, true, network_));
    endpoint_.network = network_.name;
    endpoint_.network_id = network_.id;
    endpoint_.inside = request_.inside;
    endpoint_.aliases = wanted.aliases;
    endpoint_.names = request_.names;
    std::optional<MacAddress> mac;
    if (!wanted.mac.empty()) {
      mac = ParseMac(wanted.mac);
      if (!mac) return Fail(ErrorKind::kInvalidArgument, "MAC address '{}': none", wanted.mac);
    }
    TRY(endpoint_.v6, Lease(true, v6));
    TRY(HasBridge(network_) ? MakeLinks(bridge, v4, mac) : MakeDirectLink(v4, mac));
    TRY(SetUpInside());
    if (request_.hairpin && HasBridge(network_)) {
      TRY(Link link, host_.FindLink(endpoint_.link));
      TRY(host_.SetHairpin(link.index));
    }
    return std::move(endpoint_);
  }

 private:
  Result<std::optional<EndpointAddress>> Lease(bool v6, const std::optional<IpAddress>& wanted) {
    std::optional<EndpointAddress> leased;
    const AddressPool* pool = PoolOf(network_, v6);
    if (pool == nullptr) return leased;
    TRY(IpAddress address, LeaseAddress(layout_, network_, *pool, request_.container_id, wanted));
    leased = {.address = address, .prefix = pool->subnet.prefix(), .gateway = std::nullopt};
    if (!network_.internal) leased->gateway = pool->gateway;
    return leased;
  }

  Result<> TryLinks(const Link& bridge, const std::optional<MacAddress>& mac) {
    const IpAddress& address = endpoint_.v4 ? endpoint_.v4->address : endpoint_.v6->address;
    endpoint_.link = LinkName(network_, address);
    endpoint_.mac = mac.value_or(MacOf(address));
    return host_.AddVeth({.name = endpoint_.link,
                          .peer_name = request_.inside,
                          .peer_namespace = request_.network_namespace,
                          .peer_mac = endpoint_.mac,
                          .mtu = MtuOf(network_),
                          .master = bridge.index});
  }

  // An address whose last holder's namespace is still there is passed over for another, where any
  // will do: that costs less than waiting until it is gone.
  Result<> MakeLinks(const Link& bridge, const std::optional<IpAddress>& wanted,
                     const std::optional<MacAddress>& mac) {
    std::vector<IpAddress> passed_over;
    Result<> made;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto leased = Lease(false, wanted);
      if (!leased) {
        made = Fail(std::move(leased).error());
        break;
      }
      endpoint_.v4 = *leased;
      made = TryLinks(bridge, mac);
      if (made || made.error().kind != ErrorKind::kAlreadyExists) break;
      if (wanted || !endpoint_.v4 || attempt > 1) {
        TRY(host_.DeleteLink(endpoint_.link));
        made = TryLinks(bridge, mac);
        if (made || made.error().kind != ErrorKind::kAlreadyExists) break;
      } else {
        passed_over.push_back(endpoint_.v4->address);
      }
    }
    for (const IpAddress& address : passed_over) {
      TRY(FreeLease(layout_, network_.name, address, request_.container_id));
    }
    return made;
  }

  Result<> MakeDirectLink(const std::optional<IpAddress>& wanted,
                          const std::optional<MacAddress>& mac) {
    bool has_mac = network_.driver == "macvlan";
    if (mac && !has_mac) {
      return Fail(ErrorKind::kInvalidArgument, "MAC address {}: with ipvlan it is the parent's",
                  ToString(*mac));
    }
    TRY(endpoint_.v4, Lease(false, wanted));
    const IpAddress& address = endpoint_.v4 ? endpoint_.v4->address : endpoint_.v6->address;
    DirectLink link{.name = request_.inside, .network_namespace = request_.network_namespace};
    if (has_mac) link.mac = mac.value_or(MacOf(address));
    return AddDirectLink(network_, link, host_);
  }

  Result<> SetUpInside() {
    TRY(Link link, inside_.FindLink(request_.inside));
    if (link.mac) endpoint_.mac = *link.mac;
    for (const auto& address : {endpoint_.v4, endpoint_.v6}) {
      if (address) TRY(inside_.AddAddress(link.index, address->address, address->prefix));
    }
    TRY(inside_.SetUp(link.index));
    return request_.default_route ? AddDefaultRoutes(inside_, link.index, endpoint_) : Result<>{};
  }

  const core::Layout& layout_;
  const NetworkRecord& network_;
  const EndpointRequest& request_;
  RouteSocket& host_;
  RouteSocket& inside_;
  Endpoint endpoint_;
};

}  // namespace

Result<> AddDefaultRoutes(RouteSocket& inside, int link, const Endpoint& endpoint) {
  for (const auto& address : {endpoint.v4, endpoint.v6}) {
    if (!address || !address->gateway) continue;
    IpAddress any = *IpAddress::Parse(address->address.is_v6() ? "::" : "0.0.0.0");
    TRY(inside.AddRoute(
        {.destination = Subnet(any, 0), .gateway = address->gateway, .link = link}));
  }
  return {};
}

std::string LinkName(const NetworkRecord& network, const IpAddress& address) {
  std::string_view bytes = address.bytes();
  uint32_t tail = Digest(bytes);
  if (bytes.size() == sizeof tail) {
    __builtin_memcpy(&tail, bytes.data(), sizeof tail);
    tail = BigEndian(tail);
  }
  return fmt::format("hoy{}{:08x}", network.id.substr(0, kNetworkIdInName), tail);
}

MacAddress MacOf(const IpAddress& address) {
  std::string_view bytes = address.bytes();
  MacAddress mac{2, 0x42};
  uint32_t tail = Digest(bytes);
  if (bytes.size() == sizeof tail) __builtin_memcpy(&tail, bytes.data(), sizeof tail);
  __builtin_memcpy(mac.data() + 2, &tail, sizeof tail);
  return mac;
}

Result<Endpoint> Connect(const core::Layout& layout, const NetworkRecord& network,
                         const core::NetworkAttachment& wanted, const EndpointRequest& request,
                         RouteSocket& host, RouteSocket& inside) {
  auto endpoint = Connector(layout, network, request, host, inside).Connect(wanted);
  if (endpoint) return endpoint;
  return Fail(std::move(endpoint).error().InContext(fmt::format("network '{}'", network.name)));
}

Result<> Disconnect(const core::Layout& layout, const Endpoint& endpoint,
                    std::string_view container_id, RouteSocket& host, RouteSocket& inside) {
  TRY(endpoint.link.empty() ? inside.DeleteLink(endpoint.inside) : host.DeleteLink(endpoint.link));
  for (const auto& address : {endpoint.v4, endpoint.v6}) {
    if (address) TRY(FreeLease(layout, endpoint.network, address->address, container_id));
  }
  return {};
}

}  // namespace hoy::net
