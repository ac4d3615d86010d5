#pragma once
// The rules as elements of hoy's nftables table (table_layout.h). Each change is one transaction of
// netlink. The table's version decides: a layout older than this hoy's is made anew, a newer one is
// left as it is. No table is made beside rules of hoy's in iptables, which are there because this
// kernel lacks a part of nf_tables: all calls are kUnsupported then, also those that only look.

#include "net/firewall/firewall_rules.h"
#include "net/firewall/nftables.h"
#include "net/netlink/socket.h"

namespace hoy::net {

class NftablesFirewall final : public FirewallRules {
 public:
  // kUnsupported: the kernel has no nfnetlink. That it has no nf_tables is seen by the first call.
  static Result<NftablesFirewall> Open();

  Result<std::string> Driver() override;
  Result<> AddNetwork(const BridgeRules& rules) override;
  Result<> Publish(std::string_view container_id, std::span<const PublishedPort> ports,
                   const IsOverFunction& is_over) override;
  Result<std::vector<OwnedPort>> Published() override;
  Result<bool> IsWhole() override;
  Result<bool> HasNetwork(const BridgeRules& rules) override;
  Result<> Remove(std::string_view id) override;

 private:
  explicit NftablesFirewall(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<> Check();
  Result<> ThereIsNoTable();
  Result<> Mend();
  Result<uint32_t> Generation();
  Result<> Change(std::vector<NetlinkSocket::Change> changes);
  Result<std::vector<nft::Element>> Elements(std::string_view set);

  NetlinkSocket socket_;
  bool is_checked_ = false;
  bool is_alone_ = false;  // nothing of hoy's is in iptables
};

// kUnsupported where it is nfnetlink's answer to a subsystem that it does not have
// (net/netfilter/nfnetlink.c: EINVAL to a request, EOPNOTSUPP to a batch).
Error ExplainNftables(Error error);

// Pure.
struct SetElement {
  std::string_view set;
  nft::Element element;
  bool operator==(const SetElement&) const = default;
};
std::vector<SetElement> NetworkElements(const BridgeRules& rules);
SetElement PortElement(std::string_view container_id, const PublishedPort& port);
// nullopt: not an element of that map.
std::optional<OwnedPort> ReadPort(std::string_view map, const nft::Element& element);
// Of all elements of a set, those with this comment, and the ends of the ranges they begin.
std::vector<nft::Element> OwnedBy(std::string_view id, std::span<const nft::Element> elements);

}  // namespace hoy::net
