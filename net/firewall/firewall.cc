#include "net/firewall/firewall.h"

#include <algorithm>

#include "net/firewall/table_layout.h"

namespace hoy::net {
namespace {

constexpr int kAttempts = 20;
constexpr std::string_view kStage = "change the firewall";
constexpr std::string_view kPortMaps[] = {kPorts4, kPorts4At, kPorts6, kPorts6At};
constexpr std::string_view kAllSets[] = {kBridges, kInside, kInternal, kNat4,   kNat6,    kHome4,
                                         kHome6,   kPorts4, kPorts4At, kPorts6, kPorts6At};

NetlinkSocket::Change Adding(const SetElement& one, std::string_view subject, bool exclusive) {
  return {nft::NewElement(kTable, one.set, one.element, exclusive), std::string(subject)};
}

bool IsNoTable(const Error& error) {
  return error.system_errno == ENOENT;
}

bool IsTaken(const Error& error) {
  return error.system_errno == EEXIST || error.system_errno == EBUSY;
}

Error Taken(const PublishedPort& port, const OwnedPort& holder) {
  Error error = MakeError(ErrorKind::kConflict, fmt::format("port {} is published by container {}",
                                                            ToString(port), holder.container_id));
  error.stage = "publish";
  error.subject = holder.container_id;
  return error;
}

}  // namespace

Result<Firewall> Firewall::Open() {
  auto socket = NetlinkSocket::Open(NETLINK_NETFILTER);
  if (!socket) {
    bool missing = socket.error().system_errno == EPROTONOSUPPORT;
    return missing ? Fail(std::move(socket).error().WithKind(ErrorKind::kUnsupported))
                   : Fail(std::move(socket).error());
  }
  return Firewall(*std::move(socket));
}

// Elements into the table, which is made when there is none: by us or, at the same time, by
// somebody else.
Result<> Firewall::Change(std::vector<NetlinkSocket::Change> changes) {
  for (int attempt = 0;; ++attempt) {
    auto done = socket_.Transaction(changes, kStage);
    if (done || !IsNoTable(done.error()) || attempt == kAttempts) return done;
    std::vector<NetlinkSocket::Change> layout = TableLayout();
    auto made = socket_.Transaction(layout, "make the firewall's");
    if (!made && made.error().system_errno == EINVAL) {
      return Fail(std::move(made).error().WithKind(ErrorKind::kUnsupported));
    }
    if (!made && made.error().system_errno != EEXIST) return made;
  }
}

Result<> Firewall::AddNetwork(const BridgeRules& rules) {
  std::vector<NetlinkSocket::Change> changes;
  for (const SetElement& one : NetworkElements(rules)) {
    changes.push_back(Adding(one, rules.bridge, /*exclusive=*/false));
  }
  return Change(std::move(changes));
}

Result<> Firewall::Publish(std::string_view container_id, std::span<const PublishedPort> ports) {
  std::vector<NetlinkSocket::Change> changes;
  for (const PublishedPort& port : ports) {
    changes.push_back(Adding(PortElement(container_id, port), ToString(port), true));
  }
  // The same key the kernel refuses; an address beside any address is ours to see.
  auto find_holder = [&](auto collides) -> Result<> {
    TRY(std::vector<OwnedPort> published, Published());
    for (const PublishedPort& port : ports) {
      for (const OwnedPort& other : published) {
        if (collides(port, other.port)) return Fail(Taken(port, other));
      }
    }
    return {};
  };
  TRY(find_holder(Collide));
  auto done = Change(std::move(changes));
  if (done || !IsTaken(done.error())) return done;
  TRY(find_holder(Collide));
  return Fail(std::move(done).error().WithKind(ErrorKind::kConflict));
}

Result<std::vector<nft::Element>> Firewall::Elements(std::string_view set) {
  auto replies = socket_.Dump(nft::ListElements(kTable, set), "read the firewall's");
  std::vector<nft::Element> elements;
  if (!replies) {
    if (IsNoTable(replies.error())) return elements;
    return Fail(std::move(replies).error());
  }
  for (const Reply& reply : *replies) {
    for (nft::Element& element : nft::DecodeElements(reply)) elements.push_back(std::move(element));
  }
  return elements;
}

Result<std::vector<OwnedPort>> Firewall::Published() {
  std::vector<OwnedPort> ports;
  for (std::string_view map : kPortMaps) {
    TRY(std::vector<nft::Element> elements, Elements(map));
    for (const nft::Element& element : elements) {
      if (auto port = ReadPort(map, element)) ports.push_back(*std::move(port));
    }
  }
  return ports;
}

Result<> Firewall::Remove(std::string_view id) {
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
