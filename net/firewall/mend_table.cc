#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <map>

#include "net/firewall/firewall.h"
#include "net/firewall/table_layout.h"

namespace hoy::net {
namespace {

constexpr int kAttempts = 50;  // others change rules, too: Docker, firewalld, another hoy
constexpr std::string_view kStage = "make the firewall's table";

// By chain, because the kernel lists chains in an order of its own.
std::map<std::string, std::vector<std::string>> ByChain(std::span<const nft::RulePlace> rules) {
  std::map<std::string, std::vector<std::string>> chains;
  for (const nft::RulePlace& rule : rules) chains[rule.chain].push_back(rule.comment);
  return chains;
}

enum class TableState { kMissing, kStale, kWhole };

Result<TableState> LookAt(NetlinkSocket& socket, std::span<const nft::RulePlace> wanted) {
  auto table = socket.Get(nft::GetTable(kTable), "read the firewall's table", kTable);
  if (!table) {
    if (table.error().system_errno == ENOENT) return TableState::kMissing;
    return Fail(std::move(table).error());
  }
  int version = LayoutVersion(nft::DecodeTableComment(*table)).value_or(0);
  if (version > kLayoutVersion) return TableState::kWhole;
  if (version < kLayoutVersion) return TableState::kStale;
  TRY(std::vector<Reply> replies, socket.Dump(nft::ListRules(kTable), "read the firewall's rules"));
  std::vector<nft::RulePlace> rules;
  for (const Reply& reply : replies) {
    if (auto rule = nft::DecodeRule(reply)) rules.push_back(*std::move(rule));
  }
  return ByChain(rules) == ByChain(wanted) ? TableState::kWhole : TableState::kStale;
}

}  // namespace

Result<uint32_t> Firewall::Generation() {
  TRY(Reply reply, socket_.Get(nft::GetGeneration(), "read the firewall's generation", ""));
  auto generation = nft::DecodeGeneration(reply);
  if (!generation) return Fail(ErrorKind::kSystem, "read the firewall's generation: no number");
  return *generation;
}

Result<bool> Firewall::IsWhole() {
  TableLayout layout = MakeTableLayout();
  TRY(TableState state, LookAt(socket_, layout.rules));
  return state == TableState::kWhole;
}

Result<> Firewall::Check() {
  if (is_checked_) return {};
  TRY(Mend());
  is_checked_ = true;
  return {};
}

// In one transaction, on what was looked at: what another adds meanwhile is not lost.
Result<> Firewall::Mend() {
  for (int attempt = 0;; ++attempt) {
    TableLayout layout = MakeTableLayout();
    TRY(uint32_t generation, Generation());
    TRY(TableState state, LookAt(socket_, layout.rules));
    if (state == TableState::kWhole) return {};
    std::vector<NetlinkSocket::Change> changes;
    if (state == TableState::kStale) changes.push_back({nft::DeleteTable(kTable), "table"});
    std::ranges::move(layout.changes, std::back_inserter(changes));
    if (state == TableState::kStale) {
      for (std::string_view set : kAllSets) {
        TRY(std::vector<nft::Element> elements, Elements(set));
        for (const nft::Element& element : elements) {
          changes.push_back({nft::NewElement(kTable, set, element, false), std::string(set)});
        }
      }
    }
    auto made = socket_.Transaction(changes, kStage, generation);
    if (made) {
      was_mended_ = true;
      return {};
    }
    int code = made.error().system_errno;
    if (code == EINVAL || code == EOPNOTSUPP || code == EPROTONOSUPPORT) {
      return Fail(std::move(made).error().WithKind(ErrorKind::kUnsupported));
    }
    bool is_old_news = code == ERESTART || code == EEXIST || code == ENOENT;
    if (!is_old_news || attempt == kAttempts) return made;
  }
}

}  // namespace hoy::net
