#pragma once
// hoy's rules in the words of iptables(8), for kernels without nf_tables. They decide what the
// nftables table decides (table_layout.h), in chains of hoy's own, of which the built-in chains
// have one jump each. A built-in chain ends at an accept, so what is to be left to the rules of
// others is not accepted here: hoy's chains speak of packets from and to hoy's bridges alone.
//
//   raw    HOY-GUARD        from PREROUTING, to 127.0.0.0/8: not for containers
//   nat    HOY-PUBLISH      from PREROUTING (but to 127.0.0.0/8) and OUTPUT, to an address of the
//                           host: one rule for each published port
//   nat    HOY-POSTROUTING  masquerade: hairpin; the host's loopback; nothing else that goes to a
//                           bridge of ours; what leaves
//   filter HOY-FORWARD      to the three below
//   filter HOY-ANSWERS      what belongs to a known connection
//   filter HOY-ISOLATION    internal networks reach nothing; members reach each other; published
//                           ports are reached; nothing else goes to a container
//   filter HOY-OUT          the rest that comes from a container
//
// Each rule has a comment, "OWNER: PURPOSE": the id of its network or container, or "hoy" for what
// is hoy's own. By it rules are found, removed and told to be missing. Within a chain they stand in
// the order of the layout's purposes. Whoever changes a chain writes hoy's chains of that table
// anew, which is one commit of the kernel (iptables-restore(8)); when nobody owns a rule any more
// they are taken away. The jump from FORWARD stands before all that may accept, or others would
// decide what reaches hoy's containers; what refuses may stand before it.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/firewall/firewall.h"

namespace hoy::net {

struct IptablesRule {
  std::string table, chain;
  std::string owner;    // "hoy" or an id
  std::string purpose;  // what a chain's rules are sorted by
  std::string words;    // all that follows "-A CHAIN ", the comment included

  bool operator==(const IptablesRule&) const = default;
};

// Of one family.
struct IptablesState {
  std::vector<IptablesRule> rules;                            // in the order of their chains
  std::set<std::pair<std::string, std::string>> chains = {};  // of hoy's: table, name
  // Where rules of others that may accept stand in FORWARD before hoy's jump, as those that
  // docker puts there at its start: the place of the first, from 1. 0: nowhere.
  size_t accepted_before = 0;
};

constexpr std::string_view kHoyOwner = "hoy";

// Pure, all of it.
std::vector<IptablesRule> OwnIptablesRules(bool v6);
// Of the network's subnets of that family; without one there are none.
std::vector<IptablesRule> NetworkIptablesRules(const BridgeRules& network, bool v6);
IptablesRule PortIptablesRule(std::string_view container_id, const PublishedPort& port);
std::optional<OwnedPort> ReadIptablesPort(const IptablesRule& rule, bool v6);

// What iptables-save(8) prints: the rules with a comment of ours, and the chains.
IptablesState ParseIptables(std::string_view saved);
// Whether all that is hoy's own is there, no more of it, in order and before others accept; true
// where nobody owns a rule and nothing is there.
bool IsWholeIptables(const IptablesState& state, bool v6);
bool HasAll(const IptablesState& state, const std::vector<IptablesRule>& rules);
// What iptables-restore(8) --noflush has to be told for hoy's chains to hold `owned`, whose order
// in a chain may be any. Empty: nothing.
std::string WriteIptables(const IptablesState& now, std::vector<IptablesRule> owned, bool v6);

}  // namespace hoy::net
