#pragma once
// Other people's rules (Docker's, podman's, firewalld's, ufw's) that would drop what hoy's let
// through: a packet is let through when every table lets it. They are read, never changed.
//
// The check is a small one: a base chain of the forward hook that ends in a drop or reject, by its
// policy or by a last rule without conditions, and no rule in its table that names the bridge, or a
// prefix of its name, and leads anywhere but to a drop. What a legacy iptables (x_tables) has is
// not seen.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "net/netlink/message.h"

namespace hoy::net {

struct Blocker {
  std::string family;  // as nft(8) names it: "ip", "ip6", "inet"
  std::string table;
  std::string chain;
  std::string owner;   // "Docker", "firewalld", "ufw", or "nftables"
  std::string remedy;  // the command that lets the bridge through

  bool operator==(const Blocker&) const = default;
};

Result<std::vector<Blocker>> FindBlockers(std::string_view bridge);

// Pure, over the answers of a dump of chains and, of the tables that have a strict one, of rules.
struct OtherChain {
  uint8_t family = 0;  // NFPROTO_*
  std::string table, name;
  bool forwards = false;  // a base chain of the forward hook
  bool drops = false;     // by its policy
};
std::optional<OtherChain> DecodeChain(const Reply& reply);

struct OtherRule {
  uint8_t family = 0;
  std::string table, chain;
  std::vector<std::string> links;  // names it compares with; a prefix ends with '*'
  bool conditional = false;
  bool drops = false;  // drop or reject
};
std::optional<OtherRule> DecodeOtherRule(const Reply& reply);

std::vector<Blocker> Judge(std::span<const OtherChain> chains, std::span<const OtherRule> rules,
                           std::string_view bridge);

}  // namespace hoy::net
