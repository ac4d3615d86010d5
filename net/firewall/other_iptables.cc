#include <linux/netfilter.h>

#include <utility>

#include "core/base/text.h"
#include "net/firewall/other_rules.h"

namespace hoy::net {
namespace {

constexpr std::string_view kTable = "filter";
constexpr std::string_view kForward = "FORWARD";

using End = OtherRule::End;

// Quoted texts hold blanks; iptables-save(8) escapes quotes in them.
std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  bool is_quoted = false, is_new = true;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      is_quoted = !is_quoted;
    } else if (line[i] == ' ' && !is_quoted) {
      is_new = true;
    } else {
      if (line[i] == '\\' && i + 1 < line.size()) ++i;
      if (std::exchange(is_new, false)) words.emplace_back();
      words.back() += line[i];
    }
  }
  return words;
}

void SetTarget(OtherRule& rule, std::string_view flag, const std::string& target) {
  if (target == "ACCEPT") {
    rule.end = End::kAccept;
  } else if (target == "DROP" || target == "REJECT") {
    rule.end = End::kDrop;
  } else if (target == "RETURN") {
    rule.end = End::kReturn;
  } else {  // a chain, or what ends nothing: LOG, MARK
    rule.end = flag == "-g" ? End::kGoto : End::kJump;
    rule.target = target;
  }
}

// "-A CHAIN", conditions, "-j TARGET" and what belongs to that.
std::optional<OtherRule> ParseRule(std::span<const std::string> words, uint8_t family) {
  if (words.size() < 2 || words[0] != "-A") return std::nullopt;
  OtherRule rule{.family = family, .table = std::string(kTable), .chain = words[1], .links = {}};
  bool is_negated = false;
  for (size_t i = 2; i < words.size(); ++i) {
    const std::string& word = words[i];
    std::string value = i + 1 < words.size() ? words[i + 1] : "";
    bool was_negated = std::exchange(is_negated, word == "!");
    if (word == "-j" || word == "-g") {
      SetTarget(rule, word, value);
      break;
    }
    if (word == "-m" || word == "--comment") {
      ++i;  // a module, whose conditions follow
    } else if (word == "--ctstate" && value == "DNAT" && !was_negated) {
      rule.published_only = true;
    } else if (word.starts_with('-')) {
      rule.conditional = true;
      bool is_link = (word == "-i" || word == "-o") && !was_negated;
      if (!is_link) continue;
      if (value.ends_with('+')) value.back() = '*';
      rule.links.push_back(std::move(value));
    }
  }
  return rule;
}

}  // namespace

OtherRuleset ParseOtherIptables(std::string_view saved, std::string_view program, bool v6) {
  OtherRuleset others;
  uint8_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
  bool is_ours = false;
  for (std::string_view line : Split(saved, '\n')) {
    if (line.starts_with('*')) is_ours = line.substr(1) == kTable;
    if (!is_ours) continue;
    if (line.starts_with(':')) {
      std::vector<std::string> words = Words(line.substr(1));
      if (words.size() < 2) continue;
      others.chains.push_back({.family = family,
                               .table = std::string(kTable),
                               .name = words[0],
                               .forwards = words[0] == kForward,
                               .drops = words[1] == "DROP",
                               .program = std::string(program)});
    } else if (auto rule = ParseRule(Words(line), family)) {
      others.rules.push_back(*std::move(rule));
    }
  }
  return others;
}

}  // namespace hoy::net
