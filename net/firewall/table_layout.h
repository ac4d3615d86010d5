#pragma once
// hoy's one nftables table: what never changes of it. All that does change is an element of a set,
// owned by the network or container whose id is its comment: so each is added and removed by
// itself, many hoys (other users' data roots included) share the table without a lock of their own,
// and what a packet costs does not grow with the number of networks or containers.
//
//   set  bridges   ifname                      every bridge of ours
//   set  inside    ifname . ifname             (b, b): members of a network reach each other
//   set  internal  ifname                      bridges of networks that lead nowhere else
//   set  nat4 nat6 interval of addresses       subnets whose packets leave under our address
//   set  home4 home6   range of addresses . ifname   a network's subnet and its bridge
//   map  ports4    proto . port : addr . port                 published on any address
//   map  ports4_at addr . proto . port : addr . port          published on one address
//   map  ports6, ports6_at                                    the same for IPv6
//
//   chain guard        raw prerouting: 127.0.0.0/8 is not for containers. For the host's own
//                      loopback to reach published ports the bridges have route_localnet, which
//                      would let containers reach the host's loopback, too (CVE-2020-8558).
//   chain prerouting   nat: to the host's addresses -> publish. Not to 127.0.0.0/8: a machine on
//                      the same wire can send a packet to that, and what is published there is for
//                      the host's own programs.
//   chain output       nat: the same for the host's own programs
//   chain publish      the port maps; the address that was named before any address
//   chain postrouting  nat: masquerade what leaves; what a network sends to itself by way of the
//                      host's address (hairpin), for the answer has to come back here; and what
//                      comes from the host's loopback. Nothing else: clients keep their address.
//   chain forward      filter: new connections to a container come from its own network or by a
//                      published port. Internal networks reach nothing.

//
// The table's comment is the version of the layout, each rule's says what it is for: by them a hoy
// sees whether all is there (firewall.h).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/firewall/nftables.h"
#include "net/netlink/socket.h"

namespace hoy::net {

constexpr std::string_view kTable = "hoy";

constexpr std::string_view kBridges = "bridges";
constexpr std::string_view kInside = "inside";
constexpr std::string_view kInternal = "internal";
constexpr std::string_view kNat4 = "nat4";
constexpr std::string_view kNat6 = "nat6";
constexpr std::string_view kHome4 = "home4";
constexpr std::string_view kHome6 = "home6";
constexpr std::string_view kPorts4 = "ports4";
constexpr std::string_view kPorts4At = "ports4_at";
constexpr std::string_view kPorts6 = "ports6";
constexpr std::string_view kPorts6At = "ports6_at";
constexpr std::string_view kAllSets[] = {kBridges, kInside, kInternal, kNat4,   kNat6,    kHome4,
                                         kHome6,   kPorts4, kPorts4At, kPorts6, kPorts6At};

// To be raised with every change of the layout below.
constexpr int kLayoutVersion = 2;

struct TableLayout {
  // Make the table with its sets, chains and rules. EEXIST, for the whole, when there is one.
  std::vector<NetlinkSocket::Change> changes;
  std::vector<nft::RulePlace> rules;  // those that are made, in order within each chain
};
TableLayout MakeTableLayout();

std::string LayoutComment();
// nullopt: the table is none of hoy's.
std::optional<int> LayoutVersion(std::string_view table_comment);

}  // namespace hoy::net
