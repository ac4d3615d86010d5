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

std::string Judged(const OtherRuleset& others) {
  std::string text;
  for (const Blocker& one : Judge(others.chains, others.rules, "hoy-1a2b")) {
    text += fmt::format("{}{}{}: {}\n", one.owner, one.outgoing ? " outgoing" : "",
                        one.published ? " published" : "", one.remedy);
  }
  return text;
}

TEST_F(OtherRules, WhatIsOfPublishedPortsAloneIsToldApart) {
  auto told = [](const std::string& rules) {
    EXPECT_EQ(Shell("nft flush ruleset; nft -f - <<'END'\ntable inet own { chain marks { meta mark "
                    "set 1; }\nchain drops { counter; log; drop; }\nchain accepts { accept; }\n"
                    "chain onward { type filter hook forward priority 0; " +
                    rules + " }\n}\nEND"),
              "");
    std::string text;
    for (const Blocker& one : Get(FindBlockers("hoy-1a2b"))) {
      text +=
          fmt::format("{}{}", one.outgoing ? "outgoing " : "", one.published ? "published" : "");
    }
    return text;
  };
  EXPECT_EQ(told("policy drop;"), "outgoing published");
  EXPECT_EQ(told("policy drop; ct status dnat accept;"), "outgoing ");
  EXPECT_EQ(told("ct status dnat accept; reject;"), "outgoing ");
  EXPECT_EQ(told("reject; ct status dnat accept;"), "outgoing published");
  EXPECT_EQ(told("policy drop; ct status & dnat == dnat counter accept;"), "outgoing ");
  EXPECT_EQ(told("policy drop; ct status & dnat == 0 accept;"), "outgoing published");
  EXPECT_EQ(told("policy drop; ct status snat accept;"), "outgoing published");
  EXPECT_EQ(told("policy drop; ct status dnat tcp dport 80 accept;"), "outgoing published");
  EXPECT_EQ(told("ct status dnat drop;"), "published");
  EXPECT_EQ(told("policy drop; accept;"), "");
  EXPECT_EQ(told("policy drop; jump accepts;"), "");
  EXPECT_EQ(told("jump marks; jump drops;"), "outgoing published");
  EXPECT_EQ(told("goto marks; drop;"), "");
  EXPECT_EQ(told("policy drop; goto marks; accept;"), "outgoing published");
  EXPECT_EQ(told("iifname eth9 jump drops;"), "");
  ASSERT_EQ(Shell("nft flush ruleset; iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -m "
                  "conntrack --ctstate DNAT -m comment --comment 'those are fine' -j ACCEPT"),
            "");
  auto blockers = Get(FindBlockers("hoy-1a2b"));
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_TRUE(blockers[0].outgoing);
  EXPECT_FALSE(blockers[0].published);
  ASSERT_EQ(Shell("iptables-nft -P FORWARD ACCEPT; iptables-nft -F FORWARD; iptables-nft -A "
                  "FORWARD -m comment --comment 'all of it' -j REJECT"),
            "");
  EXPECT_EQ(Blocking(), "nftables ip filter FORWARD\n");
}

TEST(OtherIptables, IsJudgedAsNftablesIs) {
  auto told = [](std::string_view policy, std::string_view rules, std::string_view chains = "") {
    return Judged(ParseOtherIptables(
        fmt::format(
            "# Generated\n*nat\n:PREROUTING DROP [0:0]\n-A FORWARD -j DROP\nCOMMIT\n*filter\n"
            ":INPUT DROP [0:0]\n:FORWARD {} [0:0]\n:own - [0:0]\n{}{}COMMIT\n",
            policy, chains, rules),
        "iptables-legacy", /*v6=*/false));
  };
  const std::string remedy =
      "iptables-legacy -I FORWARD -o hoy-1a2b -j ACCEPT && "
      "iptables-legacy -I FORWARD -i hoy-1a2b -j ACCEPT\n";
  EXPECT_EQ(told("ACCEPT", ""), "");
  EXPECT_EQ(told("DROP", ""), "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("DROP", "-A FORWARD -i hoy-1a2b -j ACCEPT\n"), "");
  EXPECT_EQ(told("DROP", "-A FORWARD -o hoy-+ -j own\n"), "");
  EXPECT_EQ(told("DROP", "-A FORWARD ! -o hoy-1a2b -j ACCEPT\n"),
            "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("DROP", "-A FORWARD -i hoy-1a2b -j DROP\n"),
            "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("DROP", "-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\n"),
            "iptables-legacy outgoing: " + remedy);
  EXPECT_EQ(told("DROP", "-A FORWARD -m conntrack ! --ctstate DNAT -j ACCEPT\n"),
            "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("ACCEPT",
                 "-A FORWARD -m comment --comment \"a \\\"-p\\\" b\" -j own\n"
                 "-A own -j LOG --log-prefix \"x y\"\n-A own -j REJECT --reject-with "
                 "icmp-port-unreachable\n"),
            "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("ACCEPT", "-A FORWARD -p tcp -m tcp --dport 80 -j DROP\n"), "");
  EXPECT_EQ(told("DROP", "-A FORWARD -j own\n-A own -j RETURN\n-A own -j ACCEPT\n"),
            "iptables-legacy outgoing published: " + remedy);
  EXPECT_EQ(told("DROP", "", ":DOCKER-USER - [0:0]\n"),
            "Docker outgoing published: iptables-legacy -I DOCKER-USER -o hoy-1a2b -j ACCEPT && "
            "iptables-legacy -I DOCKER-USER -i hoy-1a2b -j ACCEPT\n");
}

}  // namespace
}  // namespace hoy::net
