#include "net/attach/endpoint.h"

#include <algorithm>
#include <thread>

#include "core/engine/lifecycle.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
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

// The namespace of the last holder of an address dies a moment after its processes; until then the
// kernel gives the address to nobody else on the same parent. Nothing tells when that has happened.
// `stays`: whoever has it is known to live on.
template <typename Step, typename Stays>
Result<> WhenFree(const Step& step, const Stays& stays) {
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest(5000);
  milliseconds waited(0);
  for (milliseconds pause(1);; pause = std::min(pause * 2, milliseconds(100))) {
    auto done = step();
    if (done || done.error().system_errno != EADDRINUSE || waited >= kLongest) return done;
    if (waited == milliseconds(0) && stays()) return done;
    std::this_thread::sleep_for(pause);
    waited += pause;
  }
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
    return Fail(ErrorKind::kInvalidArgument, "address {}: there is no IPv{} subnet", text,
                v6 ? 6 : 4);
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
    if (!HasBridge(network_)) {
      TRY(of_parent_, AddressesOfParent(network_, host_));
      for (const auto& wish : {v4, v6}) TRY(RefuseParents(wish));
    }
    endpoint_.network = network_.name;
    endpoint_.network_id = network_.id;
    endpoint_.inside = request_.inside;
    endpoint_.aliases = wanted.aliases;
    endpoint_.names = request_.names;
    std::optional<MacAddress> mac;
    if (!wanted.mac.empty()) {
      mac = ParseMac(wanted.mac);
      if (!mac) return Fail(ErrorKind::kInvalidArgument, "MAC address '{}': none", wanted.mac);
      TRY(RefuseTaken(*mac));
      TRY(v4, AddressFor(*mac, v4));
    }
    TRY(endpoint_.v6, Lease(true, v6));
    TRY(HasBridge(network_) ? MakeLinks(bridge, v4, mac) : MakeDirectLink(v4, mac));
    auto done = SetUpLink();
    if (done && HasBridge(network_)) done = ForgetLastHolder(bridge.index, mac.has_value());
    if (!done) {
      (void)(HasBridge(network_) ? host_.DeleteLink(endpoint_.link)
                                 : inside_.DeleteLink(request_.inside));
      return Fail(std::move(done).error());
    }
    return std::move(endpoint_);
  }

 private:
  Result<> RefuseParents(const std::optional<IpAddress>& wish) const {
    if (!wish || std::ranges::find(of_parent_, *wish) == of_parent_.end()) return {};
    return Fail(
        MakeError(ErrorKind::kConflict, fmt::format("address {} is that of parent {} on the host",
                                                    wish->ToString(), ParentOf(network_)))
            .WithHint("ask for another one, or for none"));
  }

  // Two stations of one address on one link take each other's frames.
  Result<> RefuseTaken(const MacAddress& mac) const {
    TRY(std::vector<net::Lease> leases, ListLeases(layout_, network_));
    for (const net::Lease& lease : leases) {
      const std::string& id = lease.container_id;
      if (id == request_.container_id || !Has(id, mac)) continue;
      (void)core::HealUnlessBusy(layout_, id);
      auto holder = core::ReadSummary(layout_, id);
      if (!holder || !Has(id, mac)) continue;  // it has ended
      return Fail(ErrorKind::kConflict, "MAC address {} is in use by container '{}'", ToString(mac),
                  holder->name);
    }
    return {};
  }

  // A MAC address that an address of the network brings (MacOf) is for who has that one: so its
  // lease keeps others from both.
  Result<std::optional<IpAddress>> AddressFor(const MacAddress& mac,
                                              const std::optional<IpAddress>& wanted) const {
    const AddressPool* pool = PoolOf(network_, /*v6=*/false);
    auto own = IpAddress::FromBytes({reinterpret_cast<const char*>(mac.data()) + 2, 4});
    if (pool == nullptr || !own || MacOf(*own) != mac || *own == pool->gateway) return wanted;
    if (*own < pool->subnet.FirstHost() || *own > pool->subnet.LastHost()) return wanted;
    bool may_have_it =
        wanted ? wanted == own : pool->ip_range.value_or(pool->subnet).Contains(*own);
    if (may_have_it) return own;
    return Fail(
        MakeError(ErrorKind::kInvalidArgument, fmt::format("MAC address {} is that of address {}",
                                                           ToString(mac), own->ToString()))
            .WithHint(fmt::format("give that address, too (--ip {}), or another MAC address",
                                  own->ToString())));
  }

  bool Has(std::string_view id, const MacAddress& mac) const {
    return IsAny(id, [&](const Endpoint& endpoint) {
      return endpoint.network_id == network_.id && endpoint.mac == mac;
    });
  }

  // Of what that container has.
  template <typename Test>
  bool IsAny(std::string_view id, const Test& test) const {
    auto status = ReadNetworkStatus(layout_, id);
    return status && *status && std::ranges::any_of((*status)->endpoints, test);
  }

  Result<std::optional<EndpointAddress>> Lease(bool v6, const std::optional<IpAddress>& wanted) {
    std::optional<EndpointAddress> leased;
    const AddressPool* pool = PoolOf(network_, v6);
    if (pool == nullptr) return leased;
    TRY(IpAddress address,
        LeaseAddress(layout_, network_, *pool, request_.container_id, wanted, of_parent_));
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

  // A link of that name is one that is going; or somebody's whose lease was lost.
  Result<> RefuseLinkOfOther() const {
    TRY(std::vector<std::string> ids, core::ListDirectory(layout_.RunContainers()));
    for (const std::string& id : ids) {
      auto has_it = [&] {
        return IsAny(id, [&](const Endpoint& one) { return one.link == endpoint_.link; });
      };
      if (id == request_.container_id || !has_it()) continue;
      (void)core::HealUnlessBusy(layout_, id);
      auto holder = core::ReadSummary(layout_, id);
      if (!holder || !has_it()) continue;  // it has ended
      return Fail(ErrorKind::kConflict, "address {} is in use by container '{}'",
                  AnyAddress().ToString(), holder->name);
    }
    return {};
  }

  // An address whose last holder's namespace is still there is passed over for another, where any
  // will do and there is one: that costs less than taking its link away.
  Result<> MakeLinks(const Link& bridge, const std::optional<IpAddress>& wanted,
                     const std::optional<MacAddress>& mac) {
    std::vector<IpAddress> passed_over;
    Result<> made;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto leased = Lease(false, wanted);
      bool is_last = !leased && !passed_over.empty();
      if (!leased && !is_last) {
        made = Fail(std::move(leased).error());
        break;
      }
      if (is_last) passed_over.pop_back();  // endpoint_ has it still
      if (leased) endpoint_.v4 = *leased;
      made = TryLinks(bridge, mac);
      if (made || made.error().kind != ErrorKind::kAlreadyExists) break;
      if (wanted || !endpoint_.v4 || is_last || attempt > 1) {
        TRY(RefuseLinkOfOther());
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
    DirectLink link{.name = request_.inside, .network_namespace = request_.network_namespace};
    if (has_mac) link.mac = mac.value_or(MacOf(AnyAddress()));
    return AddDirectLink(layout_, network_, link, host_);
  }

  // The host would send to the MAC address of whoever had an address before, for up to a minute.
  // The usual one comes with the IPv4 address.
  Result<> ForgetLastHolder(int bridge, bool own_mac) {
    if (endpoint_.v6) TRY(host_.ForgetNeighbour(bridge, endpoint_.v6->address));
    if (endpoint_.v4 && own_mac) TRY(host_.ForgetNeighbour(bridge, endpoint_.v4->address));
    return {};
  }

  Result<> SetUpLink() {
    TRY(SetUpInside());
    if (!request_.hairpin || !HasBridge(network_)) return {};
    TRY(Link link, host_.FindLink(endpoint_.link));
    return host_.SetHairpin(link.index);
  }

  template <typename Step>
  Result<> OnceFree(const Step& step) {
    auto done = WhenFree(step, [&] { return IsOfALinkOfTheHost(); });
    bool is_taken = !done && done.error().system_errno == EADDRINUSE && !HasBridge(network_);
    if (!is_taken) return done;
    bool by_mac = network_.driver == "macvlan";
    std::string what =
        by_mac ? "MAC address " + ToString(endpoint_.mac) : "address " + AnyAddress().ToString();
    return Fail(MakeError(ErrorKind::kConflict,
                          fmt::format("{} is in use on {} by a link that is not of this hoy's "
                                      "networks",
                                      what, ParentOf(network_)))
                    .WithHint("another program's macvlan or ipvlan, or a hoy's with another "
                              "--root, has it: give another --ip or --mac-address"));
  }

  static Error Ipv6IsOff() {
    return MakeError(ErrorKind::kConflict, "IPv6 is switched off in the container")
        .WithHint(
            "--sysctl net.ipv6.conf.default.disable_ipv6=1, or a program in it, does that: "
            "leave it out, or use a network without IPv6");
  }

  const IpAddress& AnyAddress() const {
    return endpoint_.v4 ? endpoint_.v4->address : endpoint_.v6->address;
  }

  // Those in other namespaces cannot be seen.
  bool IsOfALinkOfTheHost() {
    auto parent = host_.FindLink(ParentOf(network_));
    auto links = host_.Links();
    auto addresses = host_.Addresses();
    if (HasBridge(network_) || !parent || !links || !addresses) return false;
    auto has_address = [&](const Link& link) {
      return std::ranges::any_of(*addresses, [&](const LinkAddress& one) {
        return one.link == link.index && ((endpoint_.v4 && one.address == endpoint_.v4->address) ||
                                          (endpoint_.v6 && one.address == endpoint_.v6->address));
      });
    };
    return std::ranges::any_of(*links, [&](const Link& link) {
      if (link.kind != network_.driver || link.parent != parent->index) return false;
      return network_.driver == "macvlan" ? link.mac == endpoint_.mac : has_address(link);
    });
  }

  Result<> SetUpInside() {
    TRY(Link link, inside_.FindLink(request_.inside));
    if (link.mac) endpoint_.mac = *link.mac;
    if (endpoint_.link.empty()) endpoint_.inside_index = link.index;
    for (const auto& address : {endpoint_.v4, endpoint_.v6}) {
      if (!address) continue;
      auto added = OnceFree(
          [&] { return inside_.AddAddress(link.index, address->address, address->prefix); });
      bool is_off = !added && address->address.is_v6() && added.error().system_errno == EACCES;
      if (is_off) return Fail(Ipv6IsOff());
      TRY(std::move(added));
    }
    TRY(OnceFree([&] { return inside_.SetUp(link.index); }));
    if (request_.default_route4) TRY(AddDefaultRoute(inside_, link.index, endpoint_.v4));
    return request_.default_route6 ? AddDefaultRoute(inside_, link.index, endpoint_.v6)
                                   : Result<>{};
  }

  const core::Layout& layout_;
  const NetworkRecord& network_;
  const EndpointRequest& request_;
  RouteSocket& host_;
  RouteSocket& inside_;
  std::vector<IpAddress> of_parent_;  // on a network beside the host
  Endpoint endpoint_;
};

}  // namespace

Result<> AddDefaultRoute(RouteSocket& inside, int link,
                         const std::optional<EndpointAddress>& address) {
  if (!address || !address->gateway) return {};
  IpAddress any = *IpAddress::Parse(address->address.is_v6() ? "::" : "0.0.0.0");
  auto added =
      inside.AddRoute({.destination = Subnet(any, 0), .gateway = address->gateway, .link = link});
  if (added || added.error().kind == ErrorKind::kAlreadyExists) return {};
  return added;
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
  auto is_there = CheckIsThere(layout, network);
  if (!is_there && is_there.error().kind == ErrorKind::kNotFound) {
    // Removed since it was found: its bridge may have been made again after that.
    (void)TakeDown(layout, network, host);
    return Fail(std::move(is_there).error());
  }
  return Fail(std::move(endpoint).error().InContext(fmt::format("network '{}'", network.name)));
}

Result<> Disconnect(const core::Layout& layout, const Endpoint& endpoint,
                    std::string_view container_id, RouteSocket& host, RouteSocket& inside) {
  if (!endpoint.link.empty()) {
    TRY(host.DeleteLink(endpoint.link));
  } else if (endpoint.inside_index != 0) {
    TRY(inside.DeleteLink(endpoint.inside_index));
  } else {
    TRY(inside.DeleteLink(endpoint.inside));
  }
  for (const auto& address : {endpoint.v4, endpoint.v6}) {
    if (address) TRY(FreeLease(layout, endpoint.network, address->address, container_id));
  }
  return {};
}

}  // namespace hoy::net
