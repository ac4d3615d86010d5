#include <algorithm>

#include "core/base/text.h"
#include "core/state/name_generator.h"
#include "net/state/network_record.h"

namespace hoy::net {
namespace {

constexpr int kWidestRoute4 = 8;
constexpr int kWidestRoute6 = 16;

const Subnet* FindOverlap(const Subnet& subnet, std::span<const Subnet> others, int least_prefix) {
  auto found = std::ranges::find_if(others, [&](const Subnet& other) {
    return other.prefix() >= least_prefix && other.Overlaps(subnet);
  });
  return found == others.end() ? nullptr : &*found;
}

bool IsFree(const Subnet& subnet, const UsedSubnets& used) {
  return FindOverlap(subnet, used.taken, 0) == nullptr &&
         FindOverlap(subnet, used.behind_gateways, 0) == nullptr;
}

// For one that was asked for.
const Subnet* InTheWay(const Subnet& subnet, const UsedSubnets& used) {
  const Subnet* taken = FindOverlap(subnet, used.taken, 0);
  return taken != nullptr ? taken : FindOverlap(subnet, used.behind_gateways, subnet.prefix());
}

// `count` subnets of that size, one after the other.
struct Pools {
  const char* first;
  int prefix;
  int count;
};
constexpr Pools kDockersPools[] = {{"172.17.0.0", 16, 15}, {"192.168.0.0", 20, 16}};

Result<AddressPool> MakePool(const Subnet& subnet) {
  int hosts_bits = subnet.first().bits() - subnet.prefix();
  if (hosts_bits < 2) {
    return Fail(ErrorKind::kInvalidArgument, "subnet {}: no room for a gateway and a container",
                subnet.ToString());
  }
  return AddressPool{.subnet = subnet, .gateway = subnet.FirstHost(), .ip_range = {}};
}

AddressPool* PoolWith(std::vector<AddressPool>& pools, const IpAddress& address) {
  auto found = std::find_if(pools.begin(), pools.end(),
                            [&](const AddressPool& pool) { return pool.subnet.Contains(address); });
  return found == pools.end() ? nullptr : &*found;
}

Result<> AddSubnets(const NetworkRequest& request, const UsedSubnets& used,
                    std::vector<AddressPool>& pools) {
  for (const std::string& text : request.subnets) {
    TRY(Subnet subnet, Subnet::Parse(text, /*strict=*/true));
    for (const AddressPool& pool : pools) {
      if (pool.subnet.is_v6() != subnet.is_v6()) continue;
      return Fail(ErrorKind::kInvalidArgument, "subnets {} and {}: one of each family at most",
                  pool.subnet.ToString(), subnet.ToString());
    }
    const Subnet* other = InTheWay(subnet, used);
    if (other != nullptr) {
      return Fail(ErrorKind::kConflict, "subnet {} overlaps with {}, which is in use",
                  subnet.ToString(), other->ToString());
    }
    TRY(AddressPool pool, MakePool(subnet));
    pools.push_back(pool);
  }
  return {};
}

Result<> SetGateways(const NetworkRequest& request, std::vector<AddressPool>& pools) {
  for (const std::string& text : request.gateways) {
    auto address = IpAddress::Parse(text);
    if (!address) return Fail(ErrorKind::kInvalidArgument, "gateway '{}': not an address", text);
    AddressPool* pool = PoolWith(pools, *address);
    if (pool == nullptr || *address < pool->subnet.FirstHost() ||
        *address > pool->subnet.LastHost()) {
      return Fail(ErrorKind::kInvalidArgument, "gateway {}: not in a --subnet of the network",
                  text);
    }
    pool->gateway = *address;
  }
  return {};
}

Result<> SetRanges(const NetworkRequest& request, std::vector<AddressPool>& pools) {
  for (const std::string& text : request.ip_ranges) {
    TRY(Subnet range, Subnet::Parse(text, /*strict=*/true));
    AddressPool* pool = PoolWith(pools, range.first());
    if (pool == nullptr || !pool->subnet.Contains(range)) {
      return Fail(ErrorKind::kInvalidArgument, "ip range {}: not in a --subnet of the network",
                  text);
    }
    pool->ip_range = range;
  }
  return {};
}

}  // namespace

void UsedSubnets::AddRoute(const Subnet& destination, bool by_a_gateway) {
  if (destination.prefix() < (destination.is_v6() ? kWidestRoute6 : kWidestRoute4)) return;
  (by_a_gateway ? behind_gateways : taken).push_back(destination);
}

std::optional<Subnet> ChooseSubnet(const UsedSubnets& used) {
  for (const Pools& pools : kDockersPools) {
    uint64_t step = uint64_t{1} << (32 - pools.prefix);
    IpAddress first = *IpAddress::Parse(pools.first);
    for (int i = 0; i < pools.count; ++i) {
      Subnet subnet(*first.Plus(step * static_cast<uint64_t>(i)), pools.prefix);
      if (IsFree(subnet, used)) return subnet;
    }
  }
  return std::nullopt;
}

Subnet UniqueLocalSubnet(std::string_view id) {
  // fd, 40 bits of the id, subnet 0.
  std::string text = fmt::format("fd{}:{}:{}::", id.substr(0, 2), id.substr(2, 4), id.substr(6, 4));
  return Subnet(*IpAddress::Parse(text), 64);
}

Result<NetworkRecord> PlanNetwork(const NetworkRequest& request, const std::string& id,
                                  const UsedSubnets& used) {
  if (!core::IsValidContainerName(request.name)) {
    return Fail(
        ErrorKind::kInvalidArgument,
        "network name '{}': letters, digits, '_', '.' and '-', the first a letter or a digit",
        request.name);
  }
  // Words that --network has other meanings for.
  for (const char* word : {"none", "host", "container", "default"}) {
    if (request.name == word) {
      return Fail(ErrorKind::kInvalidArgument, "network name '{}': reserved", request.name);
    }
  }
  if (std::ranges::find(kDrivers, request.driver) == std::end(kDrivers)) {
    return Fail(ErrorKind::kUnsupported, "network driver '{}': one of {}", request.driver,
                Join(kDrivers, ", "));
  }
  // Whoever is on a wire reaches all that is there.
  if (request.internal && request.driver != "bridge") {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--internal: driver {} has its containers on the wire of a "
                                      "link of the host, which is a way out",
                                      request.driver))
                    .WithHint("an internal network is one of driver bridge"));
  }
  NetworkRecord record{.id = id,
                       .name = request.name,
                       .driver = request.driver,
                       .pools = {},
                       .ipv6 = request.ipv6,
                       .internal = request.internal,
                       .options = request.options,
                       .labels = request.labels};
  TRY(AddSubnets(request, used, record.pools));
  auto has = [&](bool v6) {
    return std::any_of(record.pools.begin(), record.pools.end(),
                       [&](const AddressPool& pool) { return pool.subnet.is_v6() == v6; });
  };
  if (!has(false)) {
    auto subnet = ChooseSubnet(used);
    if (!subnet) {
      return Fail(MakeError(ErrorKind::kConflict, "no subnet is free")
                      .WithHint("give one of IPv4 with --subnet, or remove networks"));
    }
    TRY(AddressPool pool, MakePool(*subnet));
    record.pools.insert(record.pools.begin(), pool);
  }
  if (record.ipv6 && !has(true)) {
    TRY(AddressPool pool, MakePool(UniqueLocalSubnet(id)));
    record.pools.push_back(pool);
  }
  record.ipv6 = has(true);
  TRY(SetGateways(request, record.pools));
  TRY(SetRanges(request, record.pools));
  return record;
}

}  // namespace hoy::net
