#include "net/firewall/table_layout.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include "core/base/text.h"
#include "net/base/address.h"

namespace hoy::net {
namespace {

constexpr std::string_view kLayoutComment = "hoy, layout ";

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
  TableLayout Build() {
    Add(nft::NewTable(kTable, LayoutComment()), "table");
    AddSets();
    AddChains();
    AddDestinationRules();
    AddSourceRules();
    AddForwardRules();
    return std::move(layout_);
  }

 private:
  void Add(NetlinkMessage message, std::string_view subject) {
    layout_.changes.push_back({std::move(message), std::string(subject)});
  }
  void AddSets();
  void AddChains();
  void AddDestinationRules();
  void AddSourceRules();
  void AddForwardRules();
  void AddPublishing(bool v6);

  // Each rule is told by its comment: no two of a chain have the same.
  Rule In(std::string_view chain, std::string_view comment) {
    layout_.rules.push_back({std::string(chain), std::string(comment)});
    return Rule(kTable, chain, comment);
  }
  // The one that In() began last.
  void Add(NetlinkMessage rule) { Add(std::move(rule), layout_.rules.back().chain); }
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

  // 127.0.0.0/8.
  static Rule& Loopback(Rule& rule, Field field) {
    return Load(OnlyFamily(rule, false), field, 0)
        .Mask(0, std::string("\xff\0\0\0", 4))
        .Equal(0, std::string("\x7f\0\0\0", 4));
  }

  TableLayout layout_;
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
    Rule rule = In("publish", v6 ? "ports of one address, IPv6" : "ports of one address");
    Load(OnlyFamily(rule, v6), v6 ? kDestination6 : kDestination4, 0)
        .LoadMeta(NFT_META_L4PROTO, address_registers)
        .LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort.offset, kDestinationPort.bytes,
                     address_registers + 1)
        .Map(v6 ? kPorts6At : kPorts4At, 0, 0);
    Add(rule.DestinationNat(family, 0, address_registers));
  }
  Rule rule = In("publish", v6 ? "ports of any address, IPv6" : "ports of any address");
  OnlyFamily(rule, v6)
      .LoadMeta(NFT_META_L4PROTO, 0)
      .LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort.offset, kDestinationPort.bytes, 1)
      .Map(v6 ? kPorts6 : kPorts4, 0, 0);
  Add(rule.DestinationNat(family, 0, address_registers));
}

void Builder::AddDestinationRules() {
  Rule stranger = In("prerouting", "loopback addresses are for the host's own programs");
  Add(Loopback(stranger, kDestination4).Accept());
  // By rules answers to ::1 do not arrive where br_netfilter sees them first.
  Rule forwarded = In("output", "ports of ::1 are forwarded");
  Load(OnlyFamily(forwarded, true), kDestination6, 0)
      .Equal(0, IpAddress::Parse("::1")->bytes())
      .LoadMeta(NFT_META_L4PROTO, 0)
      .NotEqual(0, std::string(1, static_cast<char>(IPPROTO_SCTP)));
  Add(forwarded.Accept());
  for (const char* chain : {"prerouting", "output"}) {
    Rule rule = In(chain, "published ports");
    rule.LoadDestinationType(0).Equal(0, Number(RTN_LOCAL));
    Add(rule.Jump("publish"));
  }
  for (bool v6 : {false, true}) AddPublishing(v6);
  Rule guard = In("guard", "no way to the host's loopback");
  guard.LoadMeta(NFT_META_IIFNAME, 0).In(kBridges, 0);
  Add(Loopback(guard, kDestination4).Drop());
}

void Builder::AddSourceRules() {
  for (bool v6 : {false, true}) {
    Rule rule = In("postrouting", v6 ? "what leaves, IPv6" : "what leaves");
    Load(OnlyFamily(rule, v6), v6 ? kSource6 : kSource4, 0).In(v6 ? kNat6 : kNat4, 0);
    rule.LoadMeta(NFT_META_OIFNAME, 0).NotEqual(0, nft::InterfaceKey("lo")).NotIn(kBridges, 0);
    Add(rule.Masquerade());
  }
  for (bool v6 : {false, true}) {
    Rule hairpin = In("postrouting", v6 ? "hairpin, IPv6" : "hairpin");
    Load(OnlyFamily(Redirected(hairpin), v6), v6 ? kSource6 : kSource4, 0)
        .LoadMeta(NFT_META_OIFNAME, v6 ? 4 : 1)
        .In(v6 ? kHome6 : kHome4, 0);
    Add(hairpin.Masquerade());
  }
  Rule loopback = In("postrouting", "from the host's loopback");
  Loopback(loopback, kSource4).LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(loopback.Masquerade());
  Rule loopback6 = In("postrouting", "from the host's loopback, IPv6");
  Load(OnlyFamily(loopback6, true), kSource6, 0)
      .Equal(0, IpAddress::Parse("::1")->bytes())
      .LoadMeta(NFT_META_OIFNAME, 0)
      .In(kBridges, 0);
  Add(loopback6.Masquerade());
}

void Builder::AddForwardRules() {
  Rule known = In("forward", "answers");
  known.LoadConntrack(NFT_CT_STATE, 0).Mask(0, Number(kKnownConnection)).NotEqual(0, Number(0));
  Add(known.Accept());
  Rule inside = In("forward", "members of one network");
  inside.LoadMeta(NFT_META_IIFNAME, 0).LoadMeta(NFT_META_OIFNAME, 4).In(kInside, 0);
  Add(inside.Accept());
  Rule internal = In("forward", "internal networks lead nowhere");
  internal.LoadMeta(NFT_META_IIFNAME, 0).In(kInternal, 0);
  Add(internal.Drop());
  Rule published = In("forward", "to published ports");
  Redirected(published).LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(published.Accept());
  Rule rest = In("forward", "nothing else to containers");
  rest.LoadMeta(NFT_META_OIFNAME, 0).In(kBridges, 0);
  Add(rest.Drop());
}

}  // namespace

TableLayout MakeTableLayout() {
  return Builder().Build();
}

std::string LayoutComment() {
  return fmt::format("{}{}", kLayoutComment, kLayoutVersion);
}

std::optional<int> LayoutVersion(std::string_view table_comment) {
  if (!table_comment.starts_with(kLayoutComment)) return std::nullopt;
  return ParseInteger<int>(table_comment.substr(kLayoutComment.size()));
}

}  // namespace hoy::net
