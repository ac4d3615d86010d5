#include "net/firewall/other_rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>

#include "net/firewall/nftables.h"
#include "net/firewall/table_layout.h"
#include "net/netlink/socket.h"

namespace hoy::net {
namespace {

std::string_view FamilyName(uint8_t family) {
  if (family == NFPROTO_IPV4) return "ip";
  return family == NFPROTO_IPV6 ? "ip6" : "inet";
}

bool IsOfIp(uint8_t family) {
  return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET;
}

std::string TextOf(std::string_view attributes, int type) {
  auto value = Attributes::Find(attributes, type);
  return value ? std::string(value->Text()) : std::string();
}

uint32_t NumberOf(std::string_view attributes, int type) {
  auto value = Attributes::Find(attributes, type);
  auto number = value ? value->Number<uint32_t>() : std::nullopt;
  return BigEndian(number.value_or(0));
}

std::string_view NestOf(std::string_view attributes, int type) {
  auto value = Attributes::Find(attributes, type);
  return value ? value->value : std::string_view();
}

bool IsDropVerdict(std::string_view immediate) {
  std::string_view data = NestOf(immediate, NFTA_IMMEDIATE_DATA);
  auto verdict = Attributes::Find(data, NFTA_DATA_VERDICT);
  return verdict && NumberOf(verdict->value, NFTA_VERDICT_CODE) == NF_DROP;
}

// An interface's name is compared whole, with its NUL, or up to a prefix.
std::string LinkName(std::string_view value) {
  size_t end = value.find('\0');
  if (end == std::string_view::npos) return std::string(value) + "*";
  return std::string(value.substr(0, end));
}

bool Names(std::string_view pattern, std::string_view link) {
  if (!pattern.ends_with('*')) return pattern == link;
  return link.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::string OwnerOf(std::string_view table, std::span<const OtherChain> chains, uint8_t family) {
  if (table == "firewalld") return "firewalld";
  auto has = [&](std::string_view prefix) {
    return std::ranges::any_of(chains, [&](const OtherChain& chain) {
      return chain.family == family && chain.table == table && chain.name.starts_with(prefix);
    });
  };
  if (has("ufw-") || has("ufw6-")) return "ufw";
  return has("DOCKER") ? "Docker" : "nftables";
}

std::string RemedyOf(const Blocker& blocker, std::string_view bridge) {
  if (blocker.owner == "firewalld") {
    return fmt::format("firewall-cmd --zone=trusted --add-interface={}", bridge);
  }
  if (blocker.owner == "ufw") {
    return fmt::format("ufw route allow out on {0} && ufw route allow in on {0}", bridge);
  }
  if (blocker.owner == "Docker") {
    std::string_view program = blocker.family == "ip6" ? "ip6tables" : "iptables";
    return fmt::format("{0} -I DOCKER-USER -o {1} -j ACCEPT && {0} -I DOCKER-USER -i {1} -j ACCEPT",
                       program, bridge);
  }
  return fmt::format(
      "nft insert rule {0} {1} {2} oifname {3} accept && nft insert rule {0} {1} {2} "
      "iifname {3} accept",
      blocker.family, blocker.table, blocker.chain, bridge);
}

}  // namespace

std::optional<OtherChain> DecodeChain(const Reply& reply) {
  auto header = reply.Fixed<nfgenmsg>();
  if (reply.type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWCHAIN) || !header) {
    return std::nullopt;
  }
  std::string_view attributes = reply.AttributesAfter(sizeof(nfgenmsg));
  OtherChain chain{.family = header->nfgen_family,
                   .table = TextOf(attributes, NFTA_CHAIN_TABLE),
                   .name = TextOf(attributes, NFTA_CHAIN_NAME)};
  auto hook = Attributes::Find(attributes, NFTA_CHAIN_HOOK);
  chain.forwards = hook && NumberOf(hook->value, NFTA_HOOK_HOOKNUM) == NF_INET_FORWARD;
  auto policy = Attributes::Find(attributes, NFTA_CHAIN_POLICY);
  chain.drops = policy && NumberOf(attributes, NFTA_CHAIN_POLICY) == NF_DROP;
  return chain;
}

std::optional<OtherRule> DecodeOtherRule(const Reply& reply) {
  auto header = reply.Fixed<nfgenmsg>();
  if (reply.type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWRULE) || !header) return std::nullopt;
  std::string_view attributes = reply.AttributesAfter(sizeof(nfgenmsg));
  OtherRule rule{.family = header->nfgen_family,
                 .table = TextOf(attributes, NFTA_RULE_TABLE),
                 .chain = TextOf(attributes, NFTA_RULE_CHAIN),
                 .links = {}};
  Attributes expressions(NestOf(attributes, NFTA_RULE_EXPRESSIONS));
  bool compares_link = false;  // the value that the next cmp looks at
  while (auto expression = expressions.Next()) {
    std::string name = TextOf(expression->value, NFTA_EXPR_NAME);
    std::string_view data = NestOf(expression->value, NFTA_EXPR_DATA);
    if (name == "immediate") {
      rule.drops |= IsDropVerdict(data);
    } else if (name == "reject") {
      rule.drops = true;
    } else if (name != "counter" && name != "log") {
      rule.conditional = true;
    }
    bool equal = name == "cmp" && NumberOf(data, NFTA_CMP_OP) == NFT_CMP_EQ;
    if (equal && compares_link) {
      auto value = Attributes::Find(NestOf(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
      if (value) rule.links.push_back(LinkName(value->value));
    }
    compares_link = false;
    if (name == "meta") {
      uint32_t key = NumberOf(data, NFTA_META_KEY);
      compares_link = key == NFT_META_IIFNAME || key == NFT_META_OIFNAME;
    }
  }
  return rule;
}

std::vector<Blocker> Judge(std::span<const OtherChain> chains, std::span<const OtherRule> rules,
                           std::string_view bridge) {
  std::vector<Blocker> blockers;
  for (const OtherChain& chain : chains) {
    if (!chain.forwards) continue;
    bool drops = chain.drops, lets_through = false;
    for (const OtherRule& rule : rules) {
      if (rule.family != chain.family || rule.table != chain.table) continue;
      if (rule.chain == chain.name) drops |= rule.drops && !rule.conditional;
      auto names = [&](const std::string& link) { return Names(link, bridge); };
      lets_through |= !rule.drops && std::ranges::any_of(rule.links, names);
    }
    if (!drops || lets_through) continue;
    Blocker blocker{.family = std::string(FamilyName(chain.family)),
                    .table = chain.table,
                    .chain = chain.name,
                    .owner = OwnerOf(chain.table, chains, chain.family)};
    blocker.remedy = RemedyOf(blocker, bridge);
    blockers.push_back(std::move(blocker));
  }
  return blockers;
}

Result<std::vector<Blocker>> FindBlockers(std::string_view bridge) {
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
  TRY(std::vector<Reply> replies, socket.Dump(nft::ListChains(), "read the firewall's chains"));
  std::vector<OtherChain> chains;
  for (const Reply& reply : replies) {
    auto chain = DecodeChain(reply);
    bool other = chain && IsOfIp(chain->family) && chain->table != kTable;
    if (other) chains.push_back(*std::move(chain));
  }
  std::vector<OtherRule> rules;
  std::vector<std::pair<uint8_t, std::string>> read;
  for (const OtherChain& chain : chains) {
    std::pair table(chain.family, chain.table);
    if (!chain.forwards || std::ranges::find(read, table) != read.end()) continue;
    TRY(replies, socket.Dump(nft::ListRules(chain.table, chain.family), "read others' rules"));
    for (const Reply& reply : replies) {
      if (auto rule = DecodeOtherRule(reply)) rules.push_back(*std::move(rule));
    }
    read.push_back(std::move(table));
  }
  return Judge(chains, rules, bridge);
}

}  // namespace hoy::net
