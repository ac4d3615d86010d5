#include "net/firewall/resolver_rules.h"

#include <linux/netfilter.h>

#include "net/firewall/iptables_program.h"
#include "net/firewall/nftables.h"

namespace hoy::net {
namespace {

constexpr std::string_view kTable = "hoy_resolver";
constexpr std::string_view kChain = "output";
constexpr std::string_view kIptablesChain = "HOY-RESOLVER";
constexpr std::string_view kStage = "redirect to the resolver";
constexpr int kRaw = -300;
constexpr uint16_t kDnsPort = 53;

// Where the fields are (RFC 791, RFC 768, RFC 9293).
constexpr uint32_t kSource = 12, kDestination = 16, kAddressBytes = 4;
constexpr uint32_t kSourcePort = 0, kDestinationPort = 2, kPortBytes = 2;
constexpr uint32_t kUdpChecksum = 6, kTcpChecksum = 16;

std::string Port(uint16_t port) {
  return nft::ServiceKey(port).substr(0, kPortBytes);
}

NetlinkMessage Rewrite(uint8_t protocol, bool answers, uint16_t from, uint16_t to) {
  uint32_t address = answers ? kSource : kDestination;
  uint32_t port = answers ? kSourcePort : kDestinationPort;
  nft::Rule rule(kTable, kChain, answers ? "answers" : "questions");
  rule.LoadMeta(NFT_META_NFPROTO, 0).Equal(0, std::string(1, char{NFPROTO_IPV4}));
  rule.LoadPayload(NFT_PAYLOAD_NETWORK_HEADER, address, kAddressBytes, 0)
      .Equal(0, IpAddress::Parse(kResolverAddress)->bytes());
  rule.LoadMeta(NFT_META_L4PROTO, 0).Equal(0, std::string(1, static_cast<char>(protocol)));
  rule.LoadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, port, kPortBytes, 0).Equal(0, Port(from));
  return rule.StoreInTransport(port, Port(to),
                               protocol == IPPROTO_UDP ? kUdpChecksum : kTcpChecksum);
}

std::vector<NetlinkSocket::Change> MakeTable(const ResolverPorts& ports) {
  std::vector<NetlinkSocket::Change> changes;
  auto add = [&](NetlinkMessage message) { changes.push_back({std::move(message), "resolver"}); };
  add(nft::NewTable(kTable, "hoy, the resolver of this container"));
  add(nft::NewBaseChain(kTable, kChain, {"filter", NF_INET_LOCAL_OUT, kRaw}));
  for (auto [protocol, port] :
       {std::pair<uint8_t, uint16_t>{IPPROTO_UDP, ports.datagrams}, {IPPROTO_TCP, ports.streams}}) {
    add(Rewrite(protocol, /*answers=*/false, kDnsPort, port));
    add(Rewrite(protocol, /*answers=*/true, port, kDnsPort));
  }
  return changes;
}

}  // namespace

Result<> RedirectToResolver(NetlinkSocket& netfilter, const ResolverPorts& ports) {
  std::vector<NetlinkSocket::Change> changes = MakeTable(ports);
  auto made = netfilter.Transaction(changes, kStage);
  if (made || made.error().system_errno != EEXIST) return made;
  changes = MakeTable(ports);
  changes.insert(changes.begin(), {nft::DeleteTable(kTable), "resolver"});
  return netfilter.Transaction(changes, kStage);
}

std::string ResolverIptables(const ResolverPorts& ports, bool replaces) {
  const std::string jump = fmt::format("OUTPUT -d {}/32 -j {}", kResolverAddress, kIptablesChain);
  std::string text = fmt::format("*nat\n:{} - [0:0]\n", kIptablesChain);
  if (replaces) text += fmt::format("-D {}\n", jump);
  text += fmt::format("-I {}\n", jump);
  for (auto [protocol, port] :
       {std::pair{"udp", ports.datagrams}, std::pair{"tcp", ports.streams}}) {
    text += fmt::format("-A {0} -p {1} -m {1} --dport {2} -j DNAT --to-destination {3}:{4}\n",
                        kIptablesChain, protocol, kDnsPort, kResolverAddress, port);
  }
  return text + "COMMIT\n";
}

Result<> RedirectToResolverByIptables(const ResolverPorts& ports) {
  TRY(IptablesProgram program, IptablesProgram::Find(/*v6=*/false));
  TRY(std::string saved, program.Save());
  bool replaces = saved.find(fmt::format("-j {}\n", kIptablesChain)) != std::string::npos;
  return program.Restore(ResolverIptables(ports, replaces));
}

}  // namespace hoy::net
