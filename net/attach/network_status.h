#pragma once
// How a container that runs is wired: RUN/containers/<id>/network.json, written by Attach before
// the process exists, replaced as a whole by connect and disconnect under the container's lock,
// gone with the run directory. Readers (inspect, ps, port) take no lock. Pure but for Read and
// Write.
//
//   {"version":1,"ownNames":"web",
//    "endpoints":[{"network":"bridge","networkId":"<64 hex>","link":"hoy1a2b3c4d5e6f7",
//                  "inside":"eth0","mac":"02:42:ac:11:00:02",
//                  "address":"172.17.0.2","prefix":16,"gateway":"172.17.0.1",
//                  "aliases":["www"],"names":["web","1a2b3c4d5e6f","www"]}],
//    "ports":[{"host":"0.0.0.0","hostPort":8080,"protocol":"tcp",
//              "container":"172.17.0.2","containerPort":80}],
//    "exposed":["443/tcp"]}
//
// With IPv6 also "address6", "prefix6" and "gateway6"; with no link on the host "insideIndex".

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/base/address.h"
#include "net/firewall/firewall.h"
#include "net/netlink/route.h"

namespace hoy::net {

struct EndpointAddress {
  IpAddress address;
  int prefix = 0;
  std::optional<IpAddress> gateway;  // absent: an internal network

  bool operator==(const EndpointAddress&) const = default;
};

// What it has of one network.
struct Endpoint {
  std::string network;  // the name
  std::string network_id;
  std::string link;      // on the host; empty: the driver has none there (macvlan, ipvlan)
  std::string inside;    // "eth0"; who may rename links in the container may have
  int inside_index = 0;  // of a link that has no other end: nobody there can change that
  MacAddress mac{};
  std::optional<EndpointAddress> v4;
  std::optional<EndpointAddress> v6;
  std::vector<std::string> aliases;  // as --network-alias gave them
  std::vector<std::string> names;    // all that the other members know it by

  bool operator==(const Endpoint&) const = default;
};

struct NetworkStatus {
  std::string own_names;             // what it calls itself: "web.example.org web"
  std::vector<Endpoint> endpoints;   // as the config has them
  std::vector<PublishedPort> ports;  // what the firewall has of it (net/firewall/firewall.h)
  std::vector<std::string> exposed;  // "80/tcp", those that are not published

  // Of each family: who has the default route, the first that leads out. nullptr: none does.
  const Endpoint* WayOut(bool v6) const;
  // What published ports lead to: the first address of that family that is behind the host and on a
  // network that leads out. Where none does, the first on one that does not; but of IPv6 only
  // without a way out by IPv4, by which ports of the host's IPv6 addresses can be reached, too.
  std::optional<IpAddress> PublishedAddress(bool v6) const;
  bool operator==(const NetworkStatus&) const = default;
};

// What inspect calls an endpoint, as docker 64 hex digits: made of the two ids, which are random.
// The same container has the same one on the same network. Empty: one of them is no id.
std::string EndpointId(std::string_view network_id, std::string_view container_id);

std::string EncodeNetworkStatus(const NetworkStatus& status);
Result<NetworkStatus> DecodeNetworkStatus(std::string_view text);  // kCorrupt

std::string NetworkStatusPath(const core::Layout& layout, std::string_view id);
// nullopt: it does not run, or has no network of its own.
Result<std::optional<NetworkStatus>> ReadNetworkStatus(const core::Layout& layout,
                                                       std::string_view id);
Result<> WriteNetworkStatus(const core::Layout& layout, std::string_view id,
                            const NetworkStatus& status);

}  // namespace hoy::net
