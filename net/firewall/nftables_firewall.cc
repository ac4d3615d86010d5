#include "net/firewall/nftables_firewall.h"

#include <algorithm>

#include "net/firewall/iptables_firewall.h"
#include "net/firewall/table_layout.h"

namespace hoy::net {
namespace {

constexpr int kAttempts = 50;
constexpr std::string_view kStage = "change the firewall";
constexpr std::string_view kPortMaps[] = {kPorts4, kPorts4At, kPorts6, kPorts6At};

NetlinkSocket::Change Adding(const SetElement& one, std::string_view subject, bool exclusive) {
  return {nft::NewElement(kTable, one.set, one.element, exclusive), std::string(subject)};
}

bool IsNoTable(const Error& error) {
  return error.system_errno == ENOENT;
}

// Somebody else changed something between our look and our change.
bool IsOldNews(const Error& error) {
  int code = error.system_errno;
  return code == ENOENT || code == EEXIST || code == EBUSY || code == ERESTART;
}

}  // namespace

Error ExplainNftables(Error error) {
  int code = error.system_errno;
  bool is_missing = code == EINVAL || code == EOPNOTSUPP || code == EPROTONOSUPPORT;
  return is_missing ? std::move(error).WithKind(ErrorKind::kUnsupported) : std::move(error);
}

Result<NftablesFirewall> NftablesFirewall::Open() {
  auto socket = NetlinkSocket::Open(NETLINK_NETFILTER);
  if (!socket) return Fail(ExplainNftables(std::move(socket).error()));
  return NftablesFirewall(*std::move(socket));
}

Result<std::string> NftablesFirewall::Driver() {
  TRY(Generation());
  TRY(IsWhole());
  return std::string("nftables");
}

Result<> NftablesFirewall::ThereIsNoTable() {
  if (!is_alone_ && IptablesFirewall::IsInUse()) {
    return Fail(ErrorKind::kUnsupported, "hoy's rules are in iptables");
  }
  is_alone_ = true;
  return {};
}

// Elements into a table that is whole, unless it goes at this very moment.
Result<> NftablesFirewall::Change(std::vector<NetlinkSocket::Change> changes) {
  for (int attempt = 0;; ++attempt) {
    TRY(Check());
    auto done = socket_.Transaction(changes, kStage);
    if (done || !IsNoTable(done.error()) || attempt == kAttempts) return done;
    is_checked_ = false;
  }
}

Result<> NftablesFirewall::AddNetwork(const BridgeRules& rules) {
  std::vector<NetlinkSocket::Change> changes;
  for (const SetElement& one : NetworkElements(rules)) {
    changes.push_back(Adding(one, rules.bridge, /*exclusive=*/false));
  }
  return Change(std::move(changes));
}

Result<bool> NftablesFirewall::HasNetwork(const BridgeRules& rules) {
  for (const SetElement& one : NetworkElements(rules)) {
    TRY(std::vector<nft::Element> elements, Elements(one.set));
    bool is_there = std::ranges::any_of(elements, [&](const nft::Element& element) {
      return element.key == one.element.key && element.interval_end == one.element.interval_end;
    });
    if (!is_there) return false;
  }
  return true;
}

// The kernel refuses the same key twice; an address beside any address is ours to see, on a ruleset
// that nobody changes meanwhile.
Result<> NftablesFirewall::Publish(std::string_view container_id,
                                   std::span<const PublishedPort> ports,
                                   const IsOverFunction& is_over) {
  for (int attempt = 0;; ++attempt) {
    TRY(Check());
    TRY(uint32_t generation, Generation());
    TRY(std::vector<OwnedPort> published, Published());
    std::vector<NetlinkSocket::Change> changes;
    for (const OwnedPort& other : published) {
      auto collides = [&](const PublishedPort& port) { return Collide(port, other.port); };
      auto port = std::ranges::find_if(ports, collides);
      if (port == ports.end()) continue;
      bool is_free = other.container_id == container_id || (is_over && is_over(other));
      if (!is_free) return Fail(PortIsTaken(*port, other));
      SetElement element = PortElement(other.container_id, other.port);
      changes.push_back({nft::DeleteElement(kTable, element.set, element.element), "port"});
    }
    for (const PublishedPort& port : ports) {
      changes.push_back(Adding(PortElement(container_id, port), ToString(port), true));
    }
    auto done = socket_.Transaction(changes, kStage, generation);
    if (done || !IsOldNews(done.error()) || attempt == kAttempts) return done;
    is_checked_ = false;
  }
}

Result<std::vector<nft::Element>> NftablesFirewall::Elements(std::string_view set) {
  auto replies = socket_.Dump(nft::ListElements(kTable, set), "read the firewall's");
  std::vector<nft::Element> elements;
  if (!replies) {
    if (IsNoTable(replies.error())) {
      TRY(ThereIsNoTable());
      return elements;
    }
    return Fail(ExplainNftables(std::move(replies).error()));
  }
  for (const Reply& reply : *replies) {
    for (nft::Element& element : nft::DecodeElements(reply)) elements.push_back(std::move(element));
  }
  return elements;
}

Result<std::vector<OwnedPort>> NftablesFirewall::Published() {
  std::vector<OwnedPort> ports;
  for (std::string_view map : kPortMaps) {
    TRY(std::vector<nft::Element> elements, Elements(map));
    for (const nft::Element& element : elements) {
      if (auto port = ReadPort(map, element)) ports.push_back(*std::move(port));
    }
  }
  return ports;
}

Result<> NftablesFirewall::Remove(std::string_view id) {
  for (int attempt = 0;; ++attempt) {
    std::vector<NetlinkSocket::Change> changes;
    for (std::string_view set : kAllSets) {
      TRY(std::vector<nft::Element> elements, Elements(set));
      for (const nft::Element& element : OwnedBy(id, elements)) {
        changes.push_back({nft::DeleteElement(kTable, set, element), std::string(set)});
      }
    }
    auto done = socket_.Transaction(changes, kStage);
    // Somebody else removed one of them meanwhile: look again.
    if (done || !IsNoTable(done.error()) || attempt == kAttempts) return done;
  }
}

}  // namespace hoy::net
