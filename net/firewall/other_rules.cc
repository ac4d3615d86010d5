#include "net/firewall/other_rules.h"

#include <netinet/in.h>

// Behind that, which declares what they would declare again.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_conntrack.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/firewall/iptables_program.h"
#include "net/firewall/nftables.h"
#include "net/firewall/nftables_firewall.h"
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

using End = OtherRule::End;

void ReadVerdict(std::string_view immediate, OtherRule& rule) {
  auto verdict = Attributes::Find(NestOf(immediate, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
  if (!verdict) return;
  switch (static_cast<int32_t>(NumberOf(verdict->value, NFTA_VERDICT_CODE))) {
    case NF_ACCEPT: rule.end = End::kAccept; break;
    case NF_DROP: rule.end = End::kDrop; break;
    case NFT_RETURN: rule.end = End::kReturn; break;
    case NFT_JUMP: rule.end = End::kJump; break;
    case NFT_GOTO: rule.end = End::kGoto; break;
    default: break;
  }
  rule.target = TextOf(verdict->value, NFTA_VERDICT_CHAIN);
}

// A value of the kernel's, in the host's order.
bool IsNumber(std::string_view attributes, int type, uint32_t wanted) {
  auto value = Attributes::Find(NestOf(attributes, type), NFTA_DATA_VALUE);
  uint32_t number = 0;
  if (!value || value->value.size() != sizeof number) return false;
  std::memcpy(&number, value->value.data(), sizeof number);
  return number == wanted;
}

// -m conntrack --ctstate DNAT, and no more than that.
bool IsDnatMatch(std::string_view match) {
  std::string_view bytes = NestOf(match, NFTA_MATCH_INFO);
  xt_conntrack_mtinfo3 info{};
  if (bytes.size() < sizeof info) return false;
  std::memcpy(&info, bytes.data(), sizeof info);
  return info.match_flags == XT_CONNTRACK_STATE && info.invert_flags == 0 &&
         info.state_mask == XT_CONNTRACK_STATE_DNAT;
}

// An interface's name is compared whole, with its NUL, or up to a prefix.
std::string LinkName(std::string_view value) {
  size_t end = value.find('\0');
  if (end == std::string_view::npos) return std::string(value) + "*";
  return std::string(value.substr(0, end));
}

// What the expressions of a rule that come one after the other look at.
class ExpressionReader {
 public:
  explicit ExpressionReader(OtherRule& rule) : rule_(rule) {}

  void Read(std::string_view name, std::string_view data) {
    Register loaded = std::exchange(register_, Register::kOther);
    if (name == "immediate") return ReadVerdict(data, rule_);
    if (name == "reject") {
      rule_.end = End::kDrop;
    } else if (name == "target") {
      if (TextOf(data, NFTA_TARGET_NAME) == "REJECT") rule_.end = End::kDrop;
    } else if (name == "match") {
      ReadMatch(data);
    } else if (name == "ct" && NumberOf(data, NFTA_CT_KEY) == NFT_CT_STATUS) {
      register_ = Register::kStatus;
    } else if (name == "bitwise" && loaded == Register::kStatus &&
               IsNumber(data, NFTA_BITWISE_MASK, IPS_DST_NAT)) {
      register_ = Register::kDnat;
    } else if (name == "cmp" && loaded == Register::kDnat && IsDnat(data)) {
      rule_.published_only = true;
    } else if (name != "counter" && name != "log") {
      rule_.conditional = true;
      ReadLink(name, data, loaded);
    }
  }

 private:
  enum class Register { kOther, kLink, kStatus, kDnat };

  static bool IsDnat(std::string_view cmp) {
    return NumberOf(cmp, NFTA_CMP_OP) == NFT_CMP_EQ ? IsNumber(cmp, NFTA_CMP_DATA, IPS_DST_NAT)
                                                    : IsNumber(cmp, NFTA_CMP_DATA, 0);
  }

  void ReadMatch(std::string_view data) {
    std::string name = TextOf(data, NFTA_MATCH_NAME);
    if (name == "comment") return;
    bool is_dnat = name == "conntrack" && IsDnatMatch(data);
    (is_dnat ? rule_.published_only : rule_.conditional) = true;
  }

  void ReadLink(std::string_view name, std::string_view data, Register loaded) {
    if (name == "meta") {
      uint32_t key = NumberOf(data, NFTA_META_KEY);
      bool is_link = key == NFT_META_IIFNAME || key == NFT_META_OIFNAME;
      if (is_link) register_ = Register::kLink;
    }
    bool equal = name == "cmp" && NumberOf(data, NFTA_CMP_OP) == NFT_CMP_EQ;
    if (!equal || loaded != Register::kLink) return;
    auto value = Attributes::Find(NestOf(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
    if (value) rule_.links.push_back(LinkName(value->value));
  }

  OtherRule& rule_;
  Register register_ = Register::kOther;
};

bool Names(std::string_view pattern, std::string_view link) {
  if (!pattern.ends_with('*')) return pattern == link;
  return link.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::string OwnerOf(const OtherChain& base, std::span<const OtherChain> chains) {
  if (base.table == "firewalld") return "firewalld";
  auto has = [&](std::string_view prefix) {
    return std::ranges::any_of(chains, [&](const OtherChain& chain) {
      return chain.family == base.family && chain.table == base.table &&
             chain.name.starts_with(prefix);
    });
  };
  if (has("ufw-") || has("ufw6-")) return "ufw";
  if (has("DOCKER")) return "Docker";
  return base.program.empty() ? "nftables" : base.program;
}

std::string RemedyOf(const Blocker& blocker, std::string_view program, std::string_view bridge) {
  if (blocker.owner == "firewalld") {
    return fmt::format("firewall-cmd --zone=trusted --add-interface={}", bridge);
  }
  if (blocker.owner == "ufw") {
    return fmt::format("ufw route allow out on {0} && ufw route allow in on {0}", bridge);
  }
  if (blocker.owner == "Docker" || !program.empty()) {
    if (program.empty()) program = blocker.family == "ip6" ? "ip6tables" : "iptables";
    std::string_view chain =
        blocker.owner == "Docker" ? std::string_view("DOCKER-USER") : blocker.chain;
    return fmt::format("{0} -I {1} -o {2} -j ACCEPT && {0} -I {1} -i {2} -j ACCEPT", program, chain,
                       bridge);
  }
  return fmt::format(
      "nft insert rule {0} {1} {2} oifname {3} accept && nft insert rule {0} {1} {2} "
      "iifname {3} accept",
      blocker.family, blocker.table, blocker.chain, bridge);
}

// Of a packet that none of the conditions holds for, but perhaps that of published ports.
class Walk {
 public:
  Walk(std::span<const OtherRule> rules, const OtherChain& base, bool published)
      : rules_(rules), base_(base), published_(published) {}

  bool IsDropped() const {
    End end = EndOf(base_.name, 0);
    return end == End::kReturn ? base_.drops : end == End::kDrop;
  }

 private:
  // kAccept, kDrop, or kReturn: whoever led there goes on.
  End EndOf(std::string_view chain, int depth) const {
    constexpr int kDeepest = 16;  // NFT_JUMP_STACK_SIZE
    if (depth > kDeepest) return End::kReturn;
    for (const OtherRule& rule : rules_) {
      bool is_here =
          rule.family == base_.family && rule.table == base_.table && rule.chain == chain;
      bool applies = is_here && !rule.conditional && (published_ || !rule.published_only);
      if (!applies || rule.end == End::kNone) continue;
      bool leads_on = rule.end == End::kJump || rule.end == End::kGoto;
      End end = leads_on ? EndOf(rule.target, depth + 1) : rule.end;
      bool comes_back = rule.end == End::kJump && end == End::kReturn;
      if (!comes_back) return end;
    }
    return End::kReturn;
  }

  std::span<const OtherRule> rules_;
  const OtherChain& base_;
  bool published_;
};

Result<> ReadNftables(OtherRuleset& all) {
  TRY(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
  TRY(std::vector<Reply> replies, socket.Dump(nft::ListChains(), "read the firewall's chains"));
  for (const Reply& reply : replies) {
    auto chain = DecodeChain(reply);
    bool other = chain && IsOfIp(chain->family) && chain->table != kTable;
    if (other) all.chains.push_back(*std::move(chain));
  }
  std::vector<std::pair<uint8_t, std::string>> read;
  for (const OtherChain& chain : all.chains) {
    std::pair table(chain.family, chain.table);
    if (!chain.forwards || std::ranges::find(read, table) != read.end()) continue;
    TRY(replies, socket.Dump(nft::ListRules(chain.table, chain.family), "read others' rules"));
    for (const Reply& reply : replies) {
      if (auto rule = DecodeOtherRule(reply)) all.rules.push_back(*std::move(rule));
    }
    read.push_back(std::move(table));
  }
  return {};
}

// Where somebody uses it; whoever has no such program cannot look.
Result<> AddIptablesBlockers(bool v6, std::string_view bridge, std::vector<Blocker>& blockers) {
  if (!HasIptablesTables(v6)) return {};
  auto program = IptablesProgram::Find(v6);
  if (!program) return {};
  TRY(std::string saved, program->Save());
  OtherRuleset others = ParseOtherIptables(saved, program->name(), v6);
  std::ranges::move(Judge(others.chains, others.rules, bridge), std::back_inserter(blockers));
  return {};
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
  ExpressionReader reader(rule);
  Attributes expressions(NestOf(attributes, NFTA_RULE_EXPRESSIONS));
  while (auto expression = expressions.Next()) {
    reader.Read(TextOf(expression->value, NFTA_EXPR_NAME),
                NestOf(expression->value, NFTA_EXPR_DATA));
  }
  return rule;
}

std::vector<Blocker> Judge(std::span<const OtherChain> chains, std::span<const OtherRule> rules,
                           std::string_view bridge) {
  std::vector<Blocker> blockers;
  for (const OtherChain& chain : chains) {
    if (!chain.forwards) continue;
    Blocker blocker{.family = std::string(FamilyName(chain.family)),
                    .table = chain.table,
                    .chain = chain.name,
                    .owner = OwnerOf(chain, chains),
                    .remedy = {},
                    .outgoing = Walk(rules, chain, false).IsDropped(),
                    .published = Walk(rules, chain, true).IsDropped()};
    if (!blocker.outgoing && !blocker.published) continue;
    auto lets_through = [&](const OtherRule& rule) {
      auto names = [&](const std::string& link) { return Names(link, bridge); };
      return rule.family == chain.family && rule.table == chain.table && !rule.drops() &&
             std::ranges::any_of(rule.links, names);
    };
    if (std::ranges::any_of(rules, lets_through)) continue;
    blocker.remedy = RemedyOf(blocker, chain.program, bridge);
    blockers.push_back(std::move(blocker));
  }
  return blockers;
}

std::string Describe(const Blocker& blocker, bool published) {
  return fmt::format(
      "rules of {} (chain {} of table {} {}) keep {}", blocker.owner, blocker.chain, blocker.family,
      blocker.table,
      published ? "others from the published ports" : "containers from what is beyond the host");
}

Result<std::vector<Blocker>> FindBlockers(std::string_view bridge) {
  OtherRuleset others;
  auto read = ReadNftables(others);
  if (!read) {
    Error error = ExplainNftables(std::move(read).error());
    if (error.kind != ErrorKind::kUnsupported) return Fail(std::move(error));
    others = {};
  }
  std::vector<Blocker> blockers = Judge(others.chains, others.rules, bridge);
  for (bool v6 : {false, true}) TRY(AddIptablesBlockers(v6, bridge, blockers));
  return blockers;
}

}  // namespace hoy::net
