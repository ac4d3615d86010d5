#include "net/firewall/iptables_layout.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>
#include <span>

#include "core/base/text.h"

namespace hoy::net {
namespace {

constexpr std::string_view kPublish = "HOY-PUBLISH", kPostrouting = "HOY-POSTROUTING";
constexpr std::string_view kGuard = "HOY-GUARD", kForward = "HOY-FORWARD";
constexpr std::string_view kAnswers = "HOY-ANSWERS", kIsolation = "HOY-ISOLATION";
constexpr std::string_view kOut = "HOY-OUT";
constexpr std::string_view kChainPrefix = "HOY-";
constexpr std::string_view kPort = "port";
constexpr std::string_view kBuiltInForward = "FORWARD";

struct OwnChain {
  std::string_view table, name;
};
constexpr OwnChain kChains[] = {
    {"raw", kGuard},      {"nat", kPublish},      {"nat", kPostrouting}, {"filter", kForward},
    {"filter", kAnswers}, {"filter", kIsolation}, {"filter", kOut},
};

// In the order that they have in a chain. What another version of hoy has besides comes last. None
// has an apostrophe: iptables-save(8) would escape it.
constexpr std::string_view kPurposes[] = {
    // hoy's own, of HOY-FORWARD
    "answers", "isolation", "out",
    // HOY-POSTROUTING
    "hairpin", "from the loopback", "to members", "what leaves",
    // HOY-ISOLATION
    "internal", "inside", "to published ports", "nothing else"};

bool IsOurs(std::string_view chain) {
  return chain.starts_with(kChainPrefix);
}

IptablesRule Make(std::string_view table, std::string_view chain, std::string_view owner,
                  std::string_view purpose, std::string_view match, std::string_view target) {
  std::string words = fmt::format("{}{}-m comment --comment \"{}: {}\" -j {}", match,
                                  match.empty() ? "" : " ", owner, purpose, target);
  return {std::string(table), std::string(chain), std::string(owner), std::string(purpose),
          std::move(words)};
}

size_t Rank(const IptablesRule& rule) {
  return static_cast<size_t>(std::ranges::find(kPurposes, rule.purpose) - std::begin(kPurposes));
}

// A word, or a quoted text with its quotes taken away; `line` is what follows.
std::string_view TakeWord(std::string_view& line) {
  line = line.substr(std::min(line.find_first_not_of(' '), line.size()));
  char end = ' ';
  if (line.starts_with('"')) {
    end = '"';
    line.remove_prefix(1);
  }
  size_t length = std::min(line.find(end), line.size());
  std::string_view word = line.substr(0, length);
  line.remove_prefix(std::min(length + 1, line.size()));
  return word;
}

// What follows that flag.
std::optional<std::string_view> ValueOf(std::string_view words, std::string_view flag) {
  while (!words.empty()) {
    if (TakeWord(words) == flag) return TakeWord(words);
  }
  return std::nullopt;
}

std::optional<IptablesRule> ParseRule(std::string_view table, std::string_view words) {
  IptablesRule rule{.table = std::string(table),
                    .chain = std::string(TakeWord(words)),
                    .owner = {},
                    .purpose = {},
                    .words = std::string(words)};
  std::string_view comment = ValueOf(words, "--comment").value_or("");
  size_t colon = comment.find(": ");
  if (colon != std::string_view::npos) {
    rule.owner = comment.substr(0, colon);
    rule.purpose = comment.substr(colon + 2);
  } else if (IsOurs(rule.chain)) {
    rule.owner = kHoyOwner;  // of somebody who has no business there
  }
  bool is_ours = IsOurs(rule.chain) || rule.owner == kHoyOwner;
  return is_ours ? std::optional(std::move(rule)) : std::nullopt;
}

// What hoy's own rules of each chain are for, in order.
using Own = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;
Own OwnOf(std::span<const IptablesRule> rules) {
  Own own;
  for (const IptablesRule& rule : rules) {
    if (rule.owner == kHoyOwner) own[{rule.table, rule.chain}].push_back(rule.purpose);
  }
  return own;
}

// The targets of each chain of a table, in order; whose jumps are hoy's is known by the name.
using Targets = std::map<std::string, std::vector<std::string>, std::less<>>;

bool MayAccept(const Targets& chains, std::string_view target, std::set<std::string>& seen) {
  if (target == "ACCEPT") return true;
  auto chain = chains.find(target);
  if (chain == chains.end() || IsOurs(target) || !seen.emplace(target).second) return false;
  return std::ranges::any_of(
      chain->second, [&](const std::string& next) { return MayAccept(chains, next, seen); });
}

// As IptablesState::accepted_before.
size_t AcceptedBefore(const Targets& chains) {
  auto forward = chains.find(kBuiltInForward);
  if (forward == chains.end()) return 0;
  const std::vector<std::string>& targets = forward->second;
  size_t jump = static_cast<size_t>(std::ranges::find(targets, kForward) - targets.begin());
  if (jump == targets.size()) return 0;
  for (size_t i = 0; i < jump; ++i) {
    std::set<std::string> seen;
    if (MayAccept(chains, targets[i], seen)) return i + 1;
  }
  return 0;
}

class TableWriter {
 public:
  TableWriter(std::string_view table, const IptablesState& now, std::span<const IptablesRule> then)
      : table_(table), now_(now), then_(then) {}

  std::string Write() {
    if (IsAsItShouldBe()) return {};
    Line("*{}", table_);
    // A chain that is there is emptied by that.
    for (std::string_view chain : Chains()) Line(":{} - [0:0]", chain);
    WriteJumps();
    for (const IptablesRule& rule : then_) {
      if (rule.table == table_ && IsOurs(rule.chain)) Line("-A {} {}", rule.chain, rule.words);
    }
    for (std::string_view chain : Chains()) {
      if (!IsWanted()) Line("-X {}", chain);
    }
    Line("COMMIT");
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  bool IsThere(std::string_view chain) const {
    return now_.chains.contains({std::string(table_), std::string(chain)});
  }
  bool IsWanted() const {
    return std::ranges::any_of(then_,
                               [&](const IptablesRule& rule) { return rule.table == table_; });
  }

  // Those that have to be written or to go.
  std::vector<std::string_view> Chains() const {
    std::vector<std::string_view> chains;
    for (const OwnChain& chain : kChains) {
      bool concerns = chain.table == table_ && (IsWanted() || IsThere(chain.name));
      if (concerns) chains.push_back(chain.name);
    }
    return chains;
  }

  // By chain and comment: iptables-save has other words than we for the same.
  static bool IsSame(const IptablesRule& a, const IptablesRule& b) {
    return a.chain == b.chain && a.owner == b.owner && a.purpose == b.purpose &&
           (a.purpose != kPort || a.words == b.words);
  }

  bool IsLate() const { return table_ == "filter" && IsWanted() && now_.accepted_before != 0; }

  bool IsAsItShouldBe() const {
    if (IsLate()) return false;
    for (const OwnChain& chain : kChains) {
      if (chain.table == table_ && IsWanted() != IsThere(chain.name)) return false;
    }
    for (bool of_ours : {true, false}) {
      if (!SameRules(of_ours)) return false;
    }
    return true;
  }

  // In hoy's chains, or in the built-in ones.
  bool SameRules(bool of_ours) const {
    auto pick = [&](std::span<const IptablesRule> rules) {
      std::vector<const IptablesRule*> picked;
      for (const IptablesRule& rule : rules) {
        if (rule.table == table_ && IsOurs(rule.chain) == of_ours) picked.push_back(&rule);
      }
      std::ranges::stable_sort(
          picked, [](const IptablesRule* a, const IptablesRule* b) { return a->chain < b->chain; });
      return picked;
    };
    return std::ranges::equal(
        pick(now_.rules), pick(then_),
        [](const IptablesRule* a, const IptablesRule* b) { return IsSame(*a, *b); });
  }

  void WriteJumps() {
    if (SameRules(/*of_ours=*/false) && !IsLate()) return;
    for (const IptablesRule& rule : now_.rules) {
      if (rule.table == table_ && !IsOurs(rule.chain)) Line("-D {} {}", rule.chain, rule.words);
    }
    // Before the rules of others, which may end the chain; but behind those that somebody has put
    // before it since and that only refuse.
    for (const IptablesRule& rule : then_) {
      if (rule.table != table_ || IsOurs(rule.chain)) continue;
      if (IsLate() && rule.chain == kBuiltInForward) {
        Line("-I {} {} {}", rule.chain, now_.accepted_before, rule.words);
      } else {
        Line("-I {} {}", rule.chain, rule.words);
      }
    }
  }

  std::string_view table_;
  const IptablesState& now_;
  std::span<const IptablesRule> then_;
  std::string text_;
};

}  // namespace

std::vector<IptablesRule> OwnIptablesRules(bool v6) {
  std::vector<IptablesRule> rules;
  auto add = [&](std::string_view table, std::string_view chain, std::string_view purpose,
                 std::string_view match, std::string_view target) {
    rules.push_back(Make(table, chain, kHoyOwner, purpose, match, target));
  };
  if (!v6) add("raw", "PREROUTING", "loopback", "-d 127.0.0.0/8", kGuard);
  // Packets for ::1 that come from a wire never get so far (forwarding.h).
  add("nat", "PREROUTING", "published ports",
      v6 ? "-m addrtype --dst-type LOCAL" : "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL",
      kPublish);
  // Those of ::1 are forwarded (port_sockets.h).
  add("nat", "OUTPUT", "published ports",
      v6 ? "! -d ::1/128 -m addrtype --dst-type LOCAL" : "-m addrtype --dst-type LOCAL", kPublish);
  add("nat", "POSTROUTING", "masquerade", "", kPostrouting);
  add("filter", "FORWARD", "forward", "", kForward);
  add("filter", kForward, "answers", "-m conntrack --ctstate RELATED,ESTABLISHED", kAnswers);
  add("filter", kForward, "isolation", "", kIsolation);
  add("filter", kForward, "out", "", kOut);
  return rules;
}

std::vector<IptablesRule> NetworkIptablesRules(const BridgeRules& network, bool v6) {
  std::vector<IptablesRule> rules;
  const std::string& bridge = network.bridge;
  auto add = [&](std::string_view table, std::string_view chain, std::string_view purpose,
                 std::string match, std::string_view target) {
    rules.push_back(Make(table, chain, network.network_id, purpose, match, target));
  };
  auto of_family = [&](const Subnet& subnet) { return subnet.is_v6() == v6; };
  if (std::ranges::none_of(network.subnets, of_family)) return rules;
  if (!v6) add("raw", kGuard, "no way to the loopback", "-i " + bridge, "DROP");

  for (const Subnet& subnet : network.subnets) {
    if (subnet.is_v6() != v6) continue;
    add("nat", kPostrouting, "hairpin",
        fmt::format("-s {} -o {} -m conntrack --ctstate DNAT", subnet.ToString(), bridge),
        "MASQUERADE");
  }
  add("nat", kPostrouting, "from the loopback",
      fmt::format("-s {} -o {}", v6 ? "::1/128" : "127.0.0.0/8", bridge), "MASQUERADE");
  add("nat", kPostrouting, "to members", "-o " + bridge, "RETURN");
  for (const Subnet& subnet : network.subnets) {
    if (subnet.is_v6() != v6 || network.internal) continue;
    add("nat", kPostrouting, "what leaves", fmt::format("-s {} ! -o lo", subnet.ToString()),
        "MASQUERADE");
  }

  add("filter", kAnswers, "answers of members", "-i " + bridge, "ACCEPT");
  add("filter", kAnswers, "answers to members", "-o " + bridge, "ACCEPT");
  if (network.internal) {
    add("filter", kIsolation, "internal", fmt::format("-i {0} ! -o {0}", bridge), "DROP");
  }
  add("filter", kIsolation, "inside", fmt::format("-i {0} -o {0}", bridge), "ACCEPT");
  add("filter", kIsolation, "to published ports",
      fmt::format("-o {} -m conntrack --ctstate DNAT", bridge), "ACCEPT");
  add("filter", kIsolation, "nothing else", "-o " + bridge, "DROP");
  if (!network.internal) add("filter", kOut, "what leaves", "-i " + bridge, "ACCEPT");
  return rules;
}

IptablesRule PortIptablesRule(std::string_view container_id, const PublishedPort& port) {
  std::string match;
  if (!port.host.IsAny()) {
    match = fmt::format("-d {}/{} ", port.host.ToString(), port.host.is_v6() ? 128 : 32);
  }
  std::string_view protocol = TransportName(port.protocol);
  match += fmt::format("-p {0} -m {0} --dport {1}", protocol, port.host_port);
  std::string address = port.container.ToString();
  if (port.container.is_v6()) address = "[" + address + "]";
  return Make("nat", kPublish, container_id, kPort, match,
              fmt::format("DNAT --to-destination {}:{}", address, port.container_port));
}

std::optional<OwnedPort> ReadIptablesPort(const IptablesRule& rule, bool v6) {
  if (rule.chain != kPublish || rule.purpose != kPort) return std::nullopt;
  auto protocol = ValueOf(rule.words, "-p");
  auto port = ParseInteger<uint16_t>(ValueOf(rule.words, "--dport").value_or(""));
  std::string_view to = ValueOf(rule.words, "--to-destination").value_or("");
  size_t colon = to.rfind(':');
  if (!protocol || !port || colon == std::string_view::npos) return std::nullopt;
  auto container_port = ParseInteger<uint16_t>(to.substr(colon + 1));
  std::string_view address = to.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  auto container = IpAddress::Parse(address);
  std::string_view any = v6 ? "::" : "0.0.0.0";
  auto host = IpAddress::Parse(CutAt(ValueOf(rule.words, "-d").value_or(any), '/').before);
  if (!container_port || !container || !host) return std::nullopt;
  PublishedPort published{.host = *host,
                          .host_port = *port,
                          .container = *container,
                          .container_port = *container_port};
  for (uint8_t one : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP}) {
    if (TransportName(one) == *protocol) published.protocol = one;
  }
  return OwnedPort{rule.owner, published};
}

IptablesState ParseIptables(std::string_view saved) {
  IptablesState state;
  std::string_view table;
  Targets filter;
  for (std::string_view line : Split(saved, '\n')) {
    if (line.starts_with('*')) {
      table = line.substr(1);
    } else if (line.starts_with(':')) {
      std::string_view chain = CutAt(line.substr(1), ' ').before;
      if (IsOurs(chain)) state.chains.emplace(table, chain);
    } else if (line.starts_with("-A ")) {
      std::string_view words = line.substr(3);
      if (auto rule = ParseRule(table, words)) state.rules.push_back(*std::move(rule));
      if (table != "filter") continue;
      std::string chain(TakeWord(words));
      auto target = ValueOf(words, "-j");
      if (!target) target = ValueOf(words, "-g");
      filter[std::move(chain)].emplace_back(target.value_or(""));
    }
  }
  state.accepted_before = AcceptedBefore(filter);
  return state;
}

bool IsWholeIptables(const IptablesState& state, bool v6) {
  if (state.rules.empty()) return state.chains.empty();
  return state.accepted_before == 0 && OwnOf(state.rules) == OwnOf(OwnIptablesRules(v6));
}

bool HasAll(const IptablesState& state, const std::vector<IptablesRule>& rules) {
  return std::ranges::all_of(rules, [&](const IptablesRule& wanted) {
    return std::ranges::any_of(state.rules, [&](const IptablesRule& rule) {
      return rule.table == wanted.table && rule.chain == wanted.chain &&
             rule.owner == wanted.owner && rule.purpose == wanted.purpose;
    });
  });
}

std::string WriteIptables(const IptablesState& now, std::vector<IptablesRule> owned, bool v6) {
  std::erase_if(owned, [](const IptablesRule& rule) { return rule.owner == kHoyOwner; });
  std::vector<IptablesRule> then;
  if (!owned.empty()) then = OwnIptablesRules(v6);
  std::ranges::move(owned, std::back_inserter(then));
  std::ranges::stable_sort(
      then, [](const IptablesRule& a, const IptablesRule& b) { return Rank(a) < Rank(b); });
  std::string text;
  for (std::string_view table : {"raw", "nat", "filter"}) {
    text += TableWriter(table, now, then).Write();
  }
  return text;
}

}  // namespace hoy::net
