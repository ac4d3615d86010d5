#pragma once
// What networks and containers have of rules: in hoy's nftables table (table_layout.h), or, where
// the kernel has no nf_tables, or lacks a part of it, and the host has iptables, in chains of hoy's
// own (iptables_layout.h), and then there until the last of them is gone. With nftables each call
// is one transaction: a packet sees all of it or nothing; with iptables it is one for each of its
// tables. What is hoy's own is made by whoever finds it missing, and made anew, with what it holds,
// by whoever finds that rules of it are missing: AddNetwork and Publish are for every attach.

#include <netinet/in.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/base/address.h"

namespace hoy::net {

struct BridgeRules {
  std::string network_id;
  std::string bridge;
  std::vector<Subnet> subnets;
  bool internal = false;  // no way out, and no address of ours to hide behind
};

struct PublishedPort {
  // 0.0.0.0 and :: are any address of their family; the same family as `container`, or IPv6.
  IpAddress host;
  uint16_t host_port = 0;
  uint8_t protocol = IPPROTO_TCP;  // or UDP, SCTP
  IpAddress container;
  uint16_t container_port = 0;
  bool operator==(const PublishedPort&) const = default;
};
std::string_view TransportName(uint8_t protocol);  // "tcp", "udp", "sctp"
std::string ToString(const PublishedPort& port);   // its host side: "0.0.0.0:8080/tcp"
// No rule leads from one family to the other: a process does (port_sockets.h).
bool IsByRules(const PublishedPort& port);

struct OwnedPort {
  std::string container_id;
  PublishedPort port;
  bool operator==(const OwnedPort&) const = default;
};

class FirewallRules;

class Firewall {
 public:
  // Of the caller's network namespace. kUnsupported, here or of the first call: the kernel has no
  // nf_tables, and iptables cannot take its place; why is in the message.
  static Result<Firewall> Open();
  explicit Firewall(std::unique_ptr<FirewallRules> rules);
  Firewall(Firewall&& other) noexcept;
  Firewall& operator=(Firewall&& other) noexcept;
  ~Firewall();

  // Who keeps the rules: "nftables", or the program that does it instead ("iptables-legacy").
  Result<std::string> Driver();
  // That program, of whichever Firewall this process had to use it for; empty: none. Users are
  // told.
  static const std::string& FellBackTo();

  Result<> AddNetwork(const BridgeRules& rules);  // again is no change
  // All that are by rules or none; again is no change. kConflict: a port is published already; the
  // error's subject is the id of the container that has it. What `is_over` says of another's is
  // replaced: that container runs no more, and nobody came to take its ports away.
  Result<> Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                   const std::function<bool(const OwnedPort&)>& is_over = nullptr);
  Result<std::vector<OwnedPort>> Published();
  // Only looks: whether what is hoy's own is there, and what it has of this network.
  Result<bool> IsWhole();
  Result<bool> HasNetwork(const BridgeRules& rules);
  // All that this network or container has; nothing is success, also where no rules can be.
  Result<> Remove(std::string_view id);

  // What is hoy's own was missing, damaged or of an older hoy when the first of the calls above
  // looked. It is whole again and holds what it held; but what it may have lost (nft flush ruleset)
  // only the records know: AddNetwork and Publish everything.
  bool was_mended() const;

 private:
  template <typename Work>
  auto Do(const Work& work) -> decltype(work(std::declval<FirewallRules&>()));

  std::unique_ptr<FirewallRules> rules_;
  bool has_fallen_back_ = false;
};

// Pure.
// Whether packets to one would reach the other as well: same protocol and port, and the same
// address or any address.
bool Collide(const PublishedPort& a, const PublishedPort& b);

}  // namespace hoy::net
