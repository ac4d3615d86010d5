#include "net/firewall/other_rules.h"

#include <gtest/gtest.h>

#include "tests/unit/net/private_network.h"

namespace hoy::net {
namespace {

class OtherRules : public PrivateNetwork {
 protected:
  static std::string Blocking(std::string_view bridge = "hoy-1a2b") {
    std::string text;
    for (const Blocker& one : Get(FindBlockers(bridge))) {
      text += fmt::format("{} {} {} {}\n", one.owner, one.family, one.table, one.chain);
    }
    return text;
  }
  static std::string Remedy() { return Get(FindBlockers("hoy-1a2b")).at(0).remedy; }
};

TEST_F(OtherRules, NobodyIsInTheWayOfAnybodyAtFirst) {
  EXPECT_EQ(Blocking(), "");
  EXPECT_EQ(
      Shell("nft add table inet mine; nft add chain inet mine forward "
            "'{ type filter hook forward priority 0; }'; "
            "nft add rule inet mine forward iifname eth9 drop; "
            "nft add chain inet mine in '{ type filter hook input priority 0; policy drop; }'"),
      "");
  EXPECT_EQ(Blocking(), "");
}

// What Docker leaves: iptables' FORWARD with a policy, and a chain for others' rules.
TEST_F(OtherRules, DockersPolicyIsNamedAndItsRemedyHelps) {
  std::string made = Shell(
      "iptables-nft -P FORWARD DROP && iptables-nft -N DOCKER-USER && "
      "iptables-nft -A FORWARD -j DOCKER-USER && iptables-nft -N DOCKER && "
      "iptables-nft -A FORWARD -o docker0 -j DOCKER && iptables-nft -A FORWARD -i docker0 -j "
      "ACCEPT");
  ASSERT_EQ(made, "");
  EXPECT_EQ(Blocking(), "Docker ip filter FORWARD\n");
  EXPECT_EQ(Blocking("docker0"), "");
  std::string remedy = Remedy();
  EXPECT_EQ(remedy,
            "iptables -I DOCKER-USER -o hoy-1a2b -j ACCEPT && "
            "iptables -I DOCKER-USER -i hoy-1a2b -j ACCEPT");
  EXPECT_EQ(Shell("iptables() { iptables-nft \"$@\"; }; " + remedy), "");
  EXPECT_EQ(Blocking(), "");
  EXPECT_EQ(Shell("iptables-nft -F DOCKER-USER; iptables-nft -A DOCKER-USER -i hoy-+ -j ACCEPT"),
            "");
  EXPECT_EQ(Blocking(), "") << "a prefix";
  EXPECT_EQ(Shell("iptables-nft -F DOCKER-USER; iptables-nft -A DOCKER-USER -i hoy-+ -j DROP"), "");
  EXPECT_EQ(Blocking(), "Docker ip filter FORWARD\n");
}

TEST_F(OtherRules, UfwFirewalldAndAPersonsOwnAreTold) {
  ASSERT_EQ(
      Shell("iptables-nft -P FORWARD DROP; iptables-nft -N ufw-before-forward; "
            "iptables-nft -A FORWARD -j ufw-before-forward; "
            "iptables-nft -A ufw-before-forward -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
      "");
  EXPECT_EQ(Blocking(), "ufw ip filter FORWARD\n");
  EXPECT_EQ(Remedy(), "ufw route allow out on hoy-1a2b && ufw route allow in on hoy-1a2b");
  ASSERT_EQ(Shell("nft flush ruleset; nft add table inet firewalld; "
                  "nft add chain inet firewalld filter_FORWARD "
                  "'{ type filter hook forward priority 10; }'; "
                  "nft add rule inet firewalld filter_FORWARD ct state established accept; "
                  "nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited"),
            "");
  EXPECT_EQ(Blocking(), "firewalld inet firewalld filter_FORWARD\n");
  EXPECT_EQ(Remedy(), "firewall-cmd --zone=trusted --add-interface=hoy-1a2b");
  ASSERT_EQ(Shell("nft add chain inet firewalld filter_FWD_trusted; nft insert rule inet firewalld "
                  "filter_FORWARD iifname hoy-1a2b goto filter_FWD_trusted"),
            "");
  EXPECT_EQ(Blocking(), "");
  ASSERT_EQ(Shell("nft flush ruleset; nft add table ip6 own; nft add chain ip6 own out "
                  "'{ type filter hook forward priority 0; policy drop; }'"),
            "");
  EXPECT_EQ(Blocking(), "nftables ip6 own out\n");
  EXPECT_EQ(Shell(Remedy()), "");
  EXPECT_EQ(Blocking(), "");
}

}  // namespace
}  // namespace hoy::net
