#include "net/firewall/table_layout.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include "net/firewall/nftables.h"

namespace hoy::net {
namespace {

using nft::Rule;
using nft::Type;

constexpr int kRaw = -300, kDestinationNat = -100, kFilter = 0, kSourceNat = 100;

// IP_CT_ESTABLISHED and IP_CT_RELATED as bits of `ct state` (nf_conntrack_common.h).
constexpr uint32_t kKnownConnection = 1 << 1 | 1 << 2;

// Where the fields are in the headers (RFC 791, RFC 8200), and how long.
struct Field {
  uint32_t offset, bytes;
};
constexpr Field kSource4{12, 4}, kDestination4{16, 4}, kSource6{8, 16}, kDestination6{24, 16};
constexpr Field kDestinationPort{2, 2};  // of TCP, UDP and SCTP

std::string Number(uint32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

class Builder {
 public:
  std::vector<NetlinkSocket::Change> Build() {
    Add(nft::NewTable(kTable), "table");
    AddSets();
    AddChains();
    AddRules();
    return std::move(changes_);
  }

 private:
  void Add(NetlinkMessage message, std::string_view subject) {
    changes_.push_back({std::move(message), std::string(subject)});
  }
  void AddSets();
  void AddChains();
  void AddRules();
  void AddPublishing(bool v6);

  Rule In(std::string_view chain) { return Rule(kTable, chain); }
  // The rule is for one family only.
  static Rule& OnlyFamily(Rule& rule, bool v6) {
    return rule.LoadMeta(NFT_META_NFPROTO, 0)
        .Equal(0, std::string(1, static_cast<char>(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4)));
  }
  static Rule& Load(Rule& rule, Field field, int reg) {
    return rule.LoadPayload(NFT_PAYLOAD_NETWORK_HEADER, field.offset, field.bytes, reg);
  }
  static Rule& Redirected(Rule& rule) {
    return rule.LoadConntrack(NFT_CT_STATUS, 0).Mask(0, Number(IPS_DST_NAT)).NotEqual(0, Number(0));
  }

  std::vector<NetlinkSocket::Change> changes_;
};

void Builder::AddSets() {
  const std::vector<Type> port = {Type::kProtocol, Type::kService};
  const std::vector<nft::SetSpec> sets = {
      {kBridges, {Type::kInterface}, {}},
      {kInside, {Type::kInterface, Type::kInterface}, {}},
      {kInternal, {Type::kInterface}, {}},
      {kNat4, {Type::kIpv4Address}, {}, /*interval=*/true},
      {kNat6, {Type::kIpv6Address}, {}, /*interval=*/true},
      {kHome4, {Type::kIpv4Address, Type::kInterface}, {}, /*interval=*/true},
      {kHome6, {Type::kIpv6Address, Type::kInterface}, {}, /*interval=*/true},
      {kPorts4, port, {Type::kIpv4Address, Type::kService}},
      {kPorts4At,
       {Type::kIpv4Address, Type::kProtocol, Type::kService},
       {Type::kIpv4Address, Type::kService}},
      {kPorts6, port, {Type::kIpv6Address, Type::kService}},
      {kPorts6At,
       {Type::kIpv6Address, Type::kProtocol, Type::kService},
       {Type::kIpv6Address, Type::kService}},
  };
  uint32_t id = 0;
  for (const nft::SetSpec& set : sets) Add(nft::NewSet(kTable, set, ++id), set.name);
}

void Builder::AddChains() {
  Add(nft::NewChain(kTable, "publish"), "publish");
  auto base = [&](const char* name, const char* type, uint32_t hook, int priority) {
    Add(nft::NewBaseChain(kTable, name, {type, hook, priority}), name);
  };
  base("guard", "filter", NF_INET_PRE_ROUTING, kRaw);
  base("prerouting", "nat", NF_INET_PRE_ROUTING, kDestinationNat);
  base("output", "nat", NF_INET_LOCAL_OUT, kDestinationNat);
  base("postrouting", "nat", NF_INET_POST_ROUTING, kSourceNat);
  base("forward", "filter", NF_INET_FORWARD, kFilter);
}

void Builder::AddPublishing(bool v6) {
  int family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
  int address_registers = v6 ? 4 : 1;
  {
    Rule rule = In("publish");
    Load(OnlyFamily(rule, v6), v6 ? kDestination6 : kDestination4, 0)
        .LoadMeta(NFT_META_L4PROTO, address_registers)
        .LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort.offset, kDestinationPort.bytes,
                     address_registers + 1)
        .Map(v6 ? kPorts6At : kPorts4At, 0, 0);
    Add(rule.DestinationNat(family, 0, address_registers), "publish");
  }
  Rule rule = In("publish");
  OnlyFamily(rule, v6)
      .LoadMeta(NFT_META_L4PROTO, 0)
      .LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort.offset, kDestinationPort.bytes, 1)
      .Map(v6 ? kPorts6 : kPorts4, 0, 0);
  Add(rule.DestinationNat(family, 0, address_registers), "publish");
}

void Builder::AddRules() {
  for (const char* chain : {"prerouting", "output"}) {
    Rule rule = In(chain);
    rule.LoadDestinationType(0).Equal(0, Number(RTN_LOCAL));
    Add(rule.Jump("publish"), chain);
  }
  for (bool v6 : {false, true}) AddPublishing(v6);

  Rule guard = In("guard");
  guard.LoadMeta(NFT_META_IIFNAME, 0).In(kBridges, 0);
  Load(OnlyFamily(guard, false), kDestination4, 0)
      .Mask(0, std::string("\xff\0\0\0", 4))
      .Equal(0, std::string("\x7f\0\0\0", 4));
  Add(guard.Drop(), "guard");

  for (bool v6 : {false, true}) {
    Rule rule = In("postrouting");
    Load(OnlyFamily(rule, v6), v6 ? kSource6 : kSource4, 0).In(v6 ? kNat6 : kNat4, 0);
    rule.LoadMeta(NFT_META_OIFNAME, 0).NotEqual(0, nft::InterfaceKey("lo")).NotIn(kBridges, 0);
    Add(rule.Masquerade(), "postrouting");
  }
  for (bool v6 : {false, true}) {
    Rule hairpin = In("postrouting");
    Load(OnlyFamily(Redirected(hairpin), v6), v6 ? kSource6 : kSource4, 0)
        .LoadMeta(NFT_META_OIFNAME, v6 ? 4 : 1)
        .In(v6 ? kHome6 : kHome4, 0);
    Add(hairpin.Masquerade(), "postrouting");
  }
  Rule loopback = In("postrouting");
  Load(OnlyFamily(loopback, false), kSource4, 0)
      .Mask(0, std::string("\xff\0\0\0", 4))
      .Equal(0, std::string("\x7f\0\0\0", 4));
  loopback.LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(loopback.Masquerade(), "postrouting");

  Rule known = In("forward");
  known.LoadConntrack(NFT_CT_STATE, 0).Mask(0, Number(kKnownConnection)).NotEqual(0, Number(0));
  Add(known.Accept(), "forward");
  Rule inside = In("forward");
  inside.LoadMeta(NFT_META_IIFNAME, 0).LoadMeta(NFT_META_OIFNAME, 4).In(kInside, 0);
  Add(inside.Accept(), "forward");
  Rule internal = In("forward");
  internal.LoadMeta(NFT_META_IIFNAME, 0).In(kInternal, 0);
  Add(internal.Drop(), "forward");
  Rule published = In("forward");
  Redirected(published).LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(published.Accept(), "forward");
  Rule rest = In("forward");
  rest.LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(rest.Drop(), "forward");
}

}  // namespace

std::vector<NetlinkSocket::Change> TableLayout() {
  return Builder().Build();
}

}  // namespace hoy::net
