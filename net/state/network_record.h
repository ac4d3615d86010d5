#pragma once
// A network as it is kept: DATA/networks/<name>.json. Pure: the record, its codec, and how a
// request becomes one.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/sys/clock.h"
#include "net/base/address.h"

namespace hoy::net {

// One range of addresses of a network; a network has at most one of each family.
struct AddressPool {
  Subnet subnet;
  IpAddress gateway;               // ours, on the bridge; without one whoever has it on the wire
  std::optional<Subnet> ip_range;  // where addresses are given out; absent: the whole subnet

  bool operator==(const AddressPool&) const = default;
};

constexpr std::string_view kDrivers[] = {"bridge", "macvlan", "ipvlan"};

struct NetworkRecord {
  std::string id;  // 64 hex digits, as containers have them
  std::string name;
  std::string driver = "bridge";
  std::vector<AddressPool> pools;
  bool ipv6 = false;
  bool internal = false;
  core::StringPairs options;
  core::StringPairs labels;
  core::Timestamp created = 0;

  // The bridge's name: "hoy-" and as much of the id as a link's name takes.
  std::string Bridge() const;
  bool operator==(const NetworkRecord&) const = default;
};

std::string EncodeNetwork(const NetworkRecord& record);
Result<NetworkRecord> DecodeNetwork(std::string_view text);  // kCorrupt

// What `network create` was asked for. Gateways and ranges belong to the subnet they are in.
struct NetworkRequest {
  std::string name;
  std::string driver = "bridge";
  std::vector<std::string> subnets;
  std::vector<std::string> gateways;
  std::vector<std::string> ip_ranges;
  bool ipv6 = false;
  bool internal = false;
  core::StringPairs options;
  core::StringPairs labels;
};

// What is there already.
struct UsedSubnets {
  std::vector<Subnet> taken;            // by other networks, by the host, and on its wires
  std::vector<Subnet> behind_gateways;  // the host reaches them by routers

  // A route wider than a /8 (IPv6: /16) says which router takes all that is not known better, not
  // what is in use: VPNs have 0.0.0.0/1 and 128.0.0.0/1 for a default route.
  void AddRoute(const Subnet& destination, bool by_a_gateway);
};

// Without --subnet the first of docker's pools that is free is taken: 172.17.0.0/16 to
// 172.31.0.0/16, then 192.168.0.0/20 and on; with --ipv6 a unique local /64 (RFC 4193) made of the
// id. One that was asked for may be part of what is behind a gateway: the longest prefix wins, and
// the rest is reached as before.
// kInvalidArgument: it makes no sense; kConflict: a subnet is in use, or none is free.
Result<NetworkRecord> PlanNetwork(const NetworkRequest& request, const std::string& id,
                                  const UsedSubnets& used);
// The first pool that overlaps none of these. nullopt: all are in use.
std::optional<Subnet> ChooseSubnet(const UsedSubnets& used);
Subnet UniqueLocalSubnet(std::string_view id);

}  // namespace hoy::net
