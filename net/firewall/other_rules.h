#pragma once
// Other people's rules (Docker's, podman's, firewalld's, ufw's) that would drop what hoy's let
// through: a packet is let through when every table lets it. They are read, never changed; those of
// a legacy iptables (x_tables), which is beside nf_tables, by its own program.
//
// The check is a small one. A base chain of the forward hook is in the way that ends in a drop or
// reject: by its policy or by a rule without conditions, its own or one of a chain that such a rule
// leads to. So is none with a rule in its table that names the bridge, or a prefix of its name, and
// leads anywhere but to a drop. What is asked is asked twice, for a rule may have one condition:
// that the connection is one to a published port (`ct status dnat`).

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
  std::string owner;      // "Docker", "firewalld", "ufw", "nftables", or "iptables-legacy"
  std::string remedy;     // the command that lets the bridge through
  bool outgoing = true;   // it drops what containers send to what is beyond the host
  bool published = true;  // it drops what comes to published ports

  bool operator==(const Blocker&) const = default;
};

Result<std::vector<Blocker>> FindBlockers(std::string_view bridge);

// Pure: "rules of Docker (chain FORWARD of table ip filter) keep others from the published ports".
std::string Describe(const Blocker& blocker, bool published);

// Pure, over the answers of a dump of chains and, of the tables that have a strict one, of rules.
struct OtherChain {
  uint8_t family = 0;  // NFPROTO_*
  std::string table, name;
  bool forwards = false;     // a base chain of the forward hook
  bool drops = false;        // by its policy
  std::string program = {};  // whose it is; empty: of nf_tables
};
std::optional<OtherChain> DecodeChain(const Reply& reply);

struct OtherRule {
  uint8_t family = 0;
  std::string table, chain;
  std::vector<std::string> links;  // names it compares with; a prefix ends with '*'
  bool conditional = false;        // by anything but the next
  bool published_only = false;     // of connections whose destination was replaced (DNAT)
  enum class End { kNone, kAccept, kDrop, kReturn, kJump, kGoto } end = End::kNone;
  std::string target = {};  // of kJump and kGoto

  bool drops() const { return end == End::kDrop; }
};
std::optional<OtherRule> DecodeOtherRule(const Reply& reply);
// What iptables-save(8) prints, of its filter table.
struct OtherRuleset {
  std::vector<OtherChain> chains;
  std::vector<OtherRule> rules;
};
OtherRuleset ParseOtherIptables(std::string_view saved, std::string_view program, bool v6);

std::vector<Blocker> Judge(std::span<const OtherChain> chains, std::span<const OtherRule> rules,
                           std::string_view bridge);

}  // namespace hoy::net
