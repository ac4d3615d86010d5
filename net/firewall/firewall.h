#pragma once
// What networks and containers have in hoy's nftables table (table_layout.h). Each call is one
// transaction: a packet sees all of it or nothing. The table is made by whoever finds it missing,
// and made anew, with what it holds, by whoever finds that rules of it are missing or that its
// layout is older than his own: AddNetwork and Publish are for every attach. A layout that is newer
// is left as it is.

#include <netinet/in.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/base/address.h"
#include "net/firewall/nftables.h"
#include "net/netlink/socket.h"

namespace hoy::net {

struct BridgeRules {
  std::string network_id;
  std::string bridge;
  std::vector<Subnet> subnets;
  bool internal = false;  // no way out, and no address of ours to hide behind
};

struct PublishedPort {
  // 0.0.0.0 and :: are any address of their family; the same family as `container`.
  IpAddress host;
  uint16_t host_port = 0;
  uint8_t protocol = IPPROTO_TCP;  // or UDP, SCTP
  IpAddress container;
  uint16_t container_port = 0;
  bool operator==(const PublishedPort&) const = default;
};
std::string_view TransportName(uint8_t protocol);  // "tcp", "udp", "sctp"
std::string ToString(const PublishedPort& port);   // its host side: "0.0.0.0:8080/tcp"

struct OwnedPort {
  std::string container_id;
  PublishedPort port;
};

class Firewall {
 public:
  // Of the caller's network namespace. kUnsupported: the kernel has no nf_tables.
  static Result<Firewall> Open();

  Result<> AddNetwork(const BridgeRules& rules);  // again is no change
  // All or none; again is no change. kConflict: a port is published already; the error's subject is
  // the id of the container that has it. What `is_over` says of another's is replaced: that
  // container runs no more, and nobody came to take its ports away.
  Result<> Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                   const std::function<bool(const OwnedPort&)>& is_over = nullptr);
  Result<std::vector<OwnedPort>> Published();
  // Only looks: whether the table is there with all its rules, and what it has of this network.
  Result<bool> IsWhole();
  Result<bool> HasNetwork(const BridgeRules& rules);
  // All that this network or container has; nothing is success.
  Result<> Remove(std::string_view id);

  // The table was missing, damaged or of an older hoy when the first of the calls above looked. It
  // is whole again and holds what it held; but what it may have lost (nft flush ruleset) only the
  // records know: AddNetwork and Publish everything.
  bool was_mended() const { return was_mended_; }

 private:
  explicit Firewall(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<> Check();
  Result<> Mend();
  Result<uint32_t> Generation();
  Result<> Change(std::vector<NetlinkSocket::Change> changes);
  Result<std::vector<nft::Element>> Elements(std::string_view set);

  NetlinkSocket socket_;
  bool is_checked_ = false;
  bool was_mended_ = false;
};

// Pure.
struct SetElement {
  std::string_view set;
  nft::Element element;
  bool operator==(const SetElement&) const = default;
};
std::vector<SetElement> NetworkElements(const BridgeRules& rules);
SetElement PortElement(std::string_view container_id, const PublishedPort& port);
// nullopt: not an element of that map.
std::optional<OwnedPort> ReadPort(std::string_view map, const nft::Element& element);
// Of all elements of a set, those with this comment, and the ends of the ranges they begin.
std::vector<nft::Element> OwnedBy(std::string_view id, std::span<const nft::Element> elements);
// Whether packets to one would reach the other as well: same protocol and port, and the same
// address or any address.
bool Collide(const PublishedPort& a, const PublishedPort& b);

}  // namespace hoy::net
