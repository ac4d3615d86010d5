#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <map>

#include "net/firewall/nftables_firewall.h"
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
    return Fail(ExplainNftables(std::move(table).error()));
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

Result<uint32_t> NftablesFirewall::Generation() {
  auto reply = socket_.Get(nft::GetGeneration(), "read the firewall's generation", "");
  if (!reply) return Fail(ExplainNftables(std::move(reply).error()));
  auto generation = nft::DecodeGeneration(*reply);
  if (!generation) return Fail(ErrorKind::kSystem, "read the firewall's generation: no number");
  return *generation;
}

Result<bool> NftablesFirewall::IsWhole() {
  TableLayout layout = MakeTableLayout();
  TRY(TableState state, LookAt(socket_, layout.rules));
  if (state == TableState::kMissing) TRY(ThereIsNoTable());
  return state == TableState::kWhole;
}

Result<> NftablesFirewall::Check() {
  if (is_checked_) return {};
  TRY(Mend());
  is_checked_ = true;
  return {};
}

// In one transaction, on what was looked at: what another adds meanwhile is not lost.
Result<> NftablesFirewall::Mend() {
  for (int attempt = 0;; ++attempt) {
    TableLayout layout = MakeTableLayout();
    TRY(uint32_t generation, Generation());
    TRY(TableState state, LookAt(socket_, layout.rules));
    if (state == TableState::kWhole) return {};
    if (state == TableState::kMissing) TRY(ThereIsNoTable());
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
    Error error = ExplainNftables(std::move(made).error());
    int code = error.system_errno;
    // A new table asks for nothing that could be gone but parts of the kernel (nft_masq ...).
    bool lacks_a_part = state == TableState::kMissing && code == ENOENT;
    if (lacks_a_part) error.kind = ErrorKind::kUnsupported;
    if (error.kind == ErrorKind::kUnsupported) return Fail(std::move(error));
    bool is_old_news = code == ERESTART || code == EEXIST || code == ENOENT;
    if (!is_old_news || attempt == kAttempts) return Fail(std::move(error));
  }
}

}  // namespace hoy::net
