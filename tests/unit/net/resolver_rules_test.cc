#include "net/firewall/resolver_rules.h"

#include "tests/unit/net/private_network.h"

namespace hoy::net {
namespace {

class ResolverRules : public PrivateNetwork {};

TEST_F(ResolverRules, RewritePortsBothWaysAndAreReplacedAsAWhole) {
  auto netfilter = NetlinkSocket::Open(NETLINK_NETFILTER);
  ASSERT_TRUE(netfilter) << netfilter.error().message;
  ExpectOk(RedirectToResolver(*netfilter, {1000, 2000}));
  ExpectOk(RedirectToResolver(*netfilter, {3000, 4000}));
  const std::string rules = Shell("nft list ruleset");
  for (const char* rule : {"ip daddr 127.0.0.11 udp dport 53 udp dport set 3000",
                           "ip saddr 127.0.0.11 udp sport 3000 udp sport set 53",
                           "ip daddr 127.0.0.11 tcp dport 53 tcp dport set 4000",
                           "ip saddr 127.0.0.11 tcp sport 4000 tcp sport set 53"}) {
    EXPECT_NE(rules.find(rule), std::string::npos) << rule << "\n" << rules;
  }
  EXPECT_EQ(rules.find("1000"), std::string::npos) << rules;
}

TEST_F(ResolverRules, AreReplacedAsAWholeByIptables) {
  ExpectOk(RedirectToResolverByIptables({1000, 2000}));
  ExpectOk(RedirectToResolverByIptables({3000, 4000}));
  EXPECT_EQ(Shell("iptables-legacy-save | grep ^-"),
            "-A OUTPUT -d 127.0.0.11/32 -j HOY-RESOLVER\n"
            "-A HOY-RESOLVER -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:3000\n"
            "-A HOY-RESOLVER -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:4000\n");
}

}  // namespace
}  // namespace hoy::net
