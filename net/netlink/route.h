#pragma once
// Links, addresses and routes of one network namespace by rtnetlink (rtnetlink(7)).
//
// What makes says kAlreadyExists, what looks or changes says kNotFound; what deletes is content
// when there is nothing. Links are named by index once they are known: a name may be another link
// by the time it is used.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "net/base/address.h"
#include "net/netlink/socket.h"

namespace hoy::net {

using MacAddress = std::array<uint8_t, 6>;
std::string ToString(const MacAddress& mac);                // "02:42:ac:11:00:02"
std::optional<MacAddress> ParseMac(std::string_view text);  // also with '-'

constexpr size_t kLongestLinkName = 15;  // IFNAMSIZ without its NUL

struct Link {
  int index = 0;
  std::string name;
  std::string kind;   // "bridge", "veth"; empty: a device
  std::string alias;  // what ip-link(8) calls so: free text, ours names the owner
  int mtu = 0;
  int master = 0;  // 0: none
  int peer = 0;    // veth: the index of its peer, in the peer's namespace
  int parent = 0;  // macvlan, ipvlan, vlan: the index of the link that it stands on
  bool up = false;
  std::optional<MacAddress> mac;
};

struct LinkAddress {
  int link = 0;
  IpAddress address;
  int prefix = 0;
};

struct Route {
  Subnet destination;                // 0.0.0.0/0: the default route
  std::optional<IpAddress> gateway;  // absent: on the link itself
  int link = 0;                      // 0: by the gateway
  int metric = 0;                    // 0: the kernel's default
};

struct BridgeSpec {
  std::string name;
  std::string alias;
  int mtu = 0;  // 0: the kernel's default
  std::optional<MacAddress> mac;
  uint16_t vlan = 0;  // the tag that the bridge and its ports have (802.1Q); 0: it knows no tags
};

// A link on another one: "vlan", "macvlan" or "ipvlan".
struct SubLinkSpec {
  std::string kind;
  std::string name;
  std::string alias;                  // only for one that stays here
  BorrowedFd network_namespace = -1;  // where it is made; -1: here
  int parent = 0;                     // here
  int mtu = 0;                        // 0: the kernel's default
  std::optional<MacAddress> mac;
  uint32_t mode = 0;         // MACVLAN_MODE_*, IPVLAN_MODE_*; of a vlan its tag
  uint16_t ipvlan_flag = 0;  // IPVLAN_F_*, Linux 4.15
};

// A pair: one end here, its peer in another namespace under a name of its own.
struct VethSpec {
  std::string name;
  std::string alias;
  std::string peer_name;
  BorrowedFd peer_namespace = -1;
  std::optional<MacAddress> peer_mac;
  int mtu = 0;     // of both; 0: the kernel's default
  int master = 0;  // the bridge of this end
};

class RouteSocket {
 public:
  static Result<RouteSocket> Open();
  static Result<RouteSocket> OpenIn(BorrowedFd namespace_fd);

  Result<> AddBridge(const BridgeSpec& bridge);
  // This end is up and in its bridge when this returns; the peer is down.
  Result<> AddVeth(const VethSpec& veth);
  Result<> AddSubLink(const SubLinkSpec& link);
  Result<> DeleteLink(std::string_view name);  // both ends of a veth
  Result<> DeleteLink(int index);

  Result<Link> FindLink(std::string_view name);
  Result<std::vector<Link>> Links();

  Result<> SetUp(int link, bool up = true);
  Result<> SetMtu(int link, int mtu);
  Result<> SetMaster(int link, int master);  // 0: out of its bridge
  // Its bridge sends back through it what came from it: so a container reaches itself by a
  // published port. Own multicasts come back, too, which breaks duplicate address detection.
  Result<> SetHairpin(int link);
  Result<> SetName(int link, std::string_view name);

  // IPv6 addresses are usable at once (no duplicate address detection: the lease is the proof).
  Result<> AddAddress(int link, const IpAddress& address, int prefix);
  Result<> DeleteAddress(int link, const IpAddress& address, int prefix);
  Result<std::vector<LinkAddress>> Addresses();

  // What is known of the station that has the address: it is asked for anew.
  Result<> ForgetNeighbour(int link, const IpAddress& address);

  Result<> AddRoute(const Route& route);
  Result<> DeleteRoute(const Route& route);
  // Packets to this address that come in by this link are for this machine. It goes with the link.
  Result<> AddLocalRoute(int link, const IpAddress& address);
  // Of the main table, unicast: what packets may take.
  Result<std::vector<Route>> Routes();

 private:
  explicit RouteSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<> SetAlias(std::string_view name, std::string_view alias);
  Result<> ChangeLink(int link, std::string_view stage, int attribute, uint32_t value);

  NetlinkSocket socket_;
};

// Pure: what the kernel's answers say. nullopt: not such a message, or not one that is listed.
std::optional<Link> DecodeLink(const Reply& reply);
std::optional<LinkAddress> DecodeAddress(const Reply& reply);
std::optional<Route> DecodeRoute(const Reply& reply);

}  // namespace hoy::net
