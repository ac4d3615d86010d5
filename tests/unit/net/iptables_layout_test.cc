#include "net/firewall/iptables_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

std::vector<IptablesRule> All(const std::vector<BridgeRules>& networks, bool v6 = false) {
  std::vector<IptablesRule> rules;
  for (const BridgeRules& network : networks) {
    std::ranges::move(NetworkIptablesRules(network, v6), std::back_inserter(rules));
  }
  return rules;
}

const BridgeRules kWeb = {"web", "hoy-1", {Net("10.1.0.0/16"), Net("fd00:1::/64")}};
const BridgeRules kInner = {"inner", "hoy-2", {Net("10.2.0.0/16")}, /*internal=*/true};

// What `text` makes of a table that had nothing.
IptablesState Applied(std::string_view text) {
  std::string saved;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    std::string line(text.substr(at, end - at));
    if (line.starts_with("-I ")) line[1] = 'A';
    saved += line + "\n";
    at = end + 1;
  }
  return ParseIptables(saved);
}

TEST(IptablesLayout, SaysWhatTheNftablesTableSays) {
  EXPECT_EQ(WriteIptables({}, All({kWeb}), false), R"(*raw
:HOY-GUARD - [0:0]
-I PREROUTING -d 127.0.0.0/8 -m comment --comment "hoy: loopback" -j HOY-GUARD
-A HOY-GUARD -i hoy-1 -m comment --comment "web: no way to the loopback" -j DROP
COMMIT
*nat
:HOY-PUBLISH - [0:0]
:HOY-POSTROUTING - [0:0]
-I PREROUTING ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -m comment --comment "hoy: published ports" -j HOY-PUBLISH
-I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment "hoy: published ports" -j HOY-PUBLISH
-I POSTROUTING -m comment --comment "hoy: masquerade" -j HOY-POSTROUTING
-A HOY-POSTROUTING -s 10.1.0.0/16 -o hoy-1 -m conntrack --ctstate DNAT -m comment --comment "web: hairpin" -j MASQUERADE
-A HOY-POSTROUTING -s 127.0.0.0/8 -o hoy-1 -m comment --comment "web: from the loopback" -j MASQUERADE
-A HOY-POSTROUTING -o hoy-1 -m comment --comment "web: to members" -j RETURN
-A HOY-POSTROUTING -s 10.1.0.0/16 ! -o lo -m comment --comment "web: what leaves" -j MASQUERADE
COMMIT
*filter
:HOY-FORWARD - [0:0]
:HOY-ANSWERS - [0:0]
:HOY-ISOLATION - [0:0]
:HOY-OUT - [0:0]
-I FORWARD -m comment --comment "hoy: forward" -j HOY-FORWARD
-A HOY-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "hoy: answers" -j HOY-ANSWERS
-A HOY-FORWARD -m comment --comment "hoy: isolation" -j HOY-ISOLATION
-A HOY-FORWARD -m comment --comment "hoy: out" -j HOY-OUT
-A HOY-OUT -i hoy-1 -m comment --comment "web: what leaves" -j ACCEPT
-A HOY-ISOLATION -i hoy-1 -o hoy-1 -m comment --comment "web: inside" -j ACCEPT
-A HOY-ISOLATION -o hoy-1 -m conntrack --ctstate DNAT -m comment --comment "web: to published ports" -j ACCEPT
-A HOY-ISOLATION -o hoy-1 -m comment --comment "web: nothing else" -j DROP
-A HOY-ANSWERS -i hoy-1 -m comment --comment "web: answers of members" -j ACCEPT
-A HOY-ANSWERS -o hoy-1 -m comment --comment "web: answers to members" -j ACCEPT
COMMIT
)");
}

TEST(IptablesLayout, IsSortedByPurposeWhateverCameFirst) {
  IptablesState state = Applied(WriteIptables({}, All({kWeb, kInner}), false));
  std::vector<std::string> purposes;
  for (const IptablesRule& rule : state.rules) {
    if (rule.chain == "HOY-ISOLATION") purposes.push_back(rule.owner + ": " + rule.purpose);
  }
  EXPECT_EQ(purposes,
            (std::vector<std::string>{"inner: internal", "web: inside", "inner: inside",
                                      "web: to published ports", "inner: to published ports",
                                      "web: nothing else", "inner: nothing else"}));
  for (const IptablesRule& rule : state.rules) {
    bool leads_out = rule.owner == "inner" && rule.purpose == "what leaves";
    EXPECT_FALSE(leads_out) << rule.chain;
  }
}

TEST(IptablesLayout, HasNoRulesOfAFamilyThatTheNetworkLacks) {
  EXPECT_TRUE(NetworkIptablesRules(kInner, /*v6=*/true).empty());
  std::string text = WriteIptables({}, All({kWeb}, true), true);
  EXPECT_EQ(text.find("127.0.0"), std::string::npos) << text;
  EXPECT_NE(text.find("-s fd00:1::/64 ! -o lo "), std::string::npos) << text;
  EXPECT_NE(text.find("-s ::1/128 -o hoy-1 "), std::string::npos) << text;
}

TEST(IptablesLayout, WritesOnlyTheTablesThatChange) {
  IptablesState state = Applied(WriteIptables({}, All({kWeb}), false));
  EXPECT_TRUE(IsWholeIptables(state, false));
  EXPECT_EQ(WriteIptables(state, state.rules, false), "");
  std::vector<IptablesRule> more = state.rules;
  more.push_back(PortIptablesRule("box", Port("192.0.2.7", 8080, "10.1.0.2", 80)));
  std::string text = WriteIptables(state, more, false);
  EXPECT_TRUE(text.starts_with("*nat\n")) << text;
  EXPECT_EQ(text.find("*filter"), std::string::npos) << text;
  EXPECT_EQ(text.find("-I "), std::string::npos) << "the jumps stay where they are";
  EXPECT_NE(text.find("-A HOY-PUBLISH -d 192.0.2.7/32 -p tcp -m tcp --dport 8080 -m comment "
                      "--comment \"box: port\" -j DNAT --to-destination 10.1.0.2:80\n"),
            std::string::npos)
      << text;
}

TEST(IptablesLayout, TheLastRuleTakesTheChainsWithIt) {
  IptablesState state = Applied(WriteIptables({}, All({kInner}), false));
  std::string text = WriteIptables(state, {}, false);
  EXPECT_NE(text.find("*filter\n:HOY-FORWARD - [0:0]\n:HOY-ANSWERS - [0:0]\n:HOY-ISOLATION - "
                      "[0:0]\n:HOY-OUT - [0:0]\n-D FORWARD -m comment --comment \"hoy: forward\" "
                      "-j HOY-FORWARD\n-X HOY-FORWARD\n-X HOY-ANSWERS\n-X HOY-ISOLATION\n-X "
                      "HOY-OUT\nCOMMIT\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("-A "), std::string::npos);
  EXPECT_EQ(WriteIptables({}, {}, false), "");
}

// Docker puts its jumps first when it starts.
TEST(IptablesLayout, TheJumpStandsBeforeWhatOthersAccept) {
  std::string whole = WriteIptables({}, All({kWeb}), false);
  auto state_with = [&](const std::string& before) {
    std::string text = whole;
    text.insert(text.find("-I FORWARD"), before);
    return Applied(text);
  };
  const std::string jump = "-m comment --comment \"hoy: forward\" -j HOY-FORWARD\n";
  // Of chains that lead to each other, too.
  const std::string chains =
      "-A DOCKER -j INNER\n-A INNER -j DOCKER\n-A INNER -i docker0 -j ACCEPT\n"
      "-A USER -j USER-DROPS\n-A USER-DROPS -j DROP\n";
  for (const auto& [before, place] : {std::pair("-A FORWARD -o docker0 -j DOCKER\n", 1),
                                      {"-A FORWARD -j DROP\n-A FORWARD -j ACCEPT\n", 2},
                                      {"-A FORWARD -j LOG\n-A FORWARD -g INNER\n", 2}}) {
    IptablesState state = state_with(chains + before);
    EXPECT_FALSE(IsWholeIptables(state, false)) << before;
    std::string text = WriteIptables(state, state.rules, false);
    EXPECT_NE(text.find("-D FORWARD " + jump + "-I FORWARD " + std::to_string(place) + " " + jump),
              std::string::npos)
        << text;
    EXPECT_TRUE(text.starts_with("*filter\n")) << text;
    text = WriteIptables(state, {}, false);
    EXPECT_EQ(text.find("-I "), std::string::npos) << text;
  }
  for (const char* before :
       {"-A FORWARD -j USER\n", "-A FORWARD -s 192.0.2.1/32 -j DROP\n-A FORWARD -m set\n"}) {
    IptablesState state = state_with(chains + before);
    EXPECT_TRUE(IsWholeIptables(state, false)) << before;
    EXPECT_EQ(WriteIptables(state, state.rules, false), "") << before;
  }
  std::string after = whole + "*filter\n" + chains + "-A FORWARD -j DOCKER\nCOMMIT\n";
  EXPECT_TRUE(IsWholeIptables(Applied(after), false));
}

TEST(IptablesLayout, SeesWhatIsMissingAndWhatIsNotItsOwn) {
  const IptablesState whole = Applied(WriteIptables({}, All({kWeb}), false));
  for (const char* purpose : {"forward", "answers", "isolation", "published ports"}) {
    IptablesState state = whole;
    std::erase_if(state.rules, [&](const IptablesRule& rule) {
      return rule.owner == kHoyOwner && rule.purpose == purpose;
    });
    EXPECT_FALSE(IsWholeIptables(state, false)) << purpose;
    EXPECT_EQ(Applied(WriteIptables(state, state.rules, false)).rules.empty(), false) << purpose;
  }
  IptablesState state = ParseIptables(
      "*filter\n:FORWARD DROP [0:0]\n:HOY-FORWARD - [1:2]\n:DOCKER - [0:0]\n"
      "-A FORWARD -m comment --comment \"hoy: forward\" -j HOY-FORWARD\n"
      "-A FORWARD -m comment --comment \"kube: x\" -j DOCKER\n-A HOY-FORWARD -j ACCEPT\nCOMMIT\n");
  EXPECT_EQ(state.chains.size(), 1u);
  ASSERT_EQ(state.rules.size(), 2u);
  EXPECT_EQ(state.rules[0].chain, "FORWARD");
  EXPECT_EQ(state.rules[1].words, "-j ACCEPT");
  EXPECT_FALSE(IsWholeIptables(state, false));
}

TEST(IptablesLayout, PortsAreReadBackAsTheyWereWritten) {
  for (const PublishedPort& port :
       {Port("0.0.0.0", 8080, "10.1.0.2", 80), Port("192.0.2.7", 53, "10.1.0.2", 5353, IPPROTO_UDP),
        Port("::", 443, "fd00:1::2", 8443), Port("2001:db8::1", 65535, "fd00:1::2", 1, 132)}) {
    auto read = ReadIptablesPort(PortIptablesRule("id", port), port.host.is_v6());
    ASSERT_TRUE(read) << ToString(port);
    EXPECT_EQ(*read, (OwnedPort{"id", port})) << ToString(port);
  }
  IptablesRule rule = PortIptablesRule("id", Port("0.0.0.0", 1, "10.1.0.2", 2));
  rule.words = "-p tcp -m tcp --dport 99999 -j DNAT --to-destination 10.1.0.2:2";
  EXPECT_FALSE(ReadIptablesPort(rule, false));
  rule.words = "-p tcp -m tcp --dport 1 -j DNAT --to-destination";
  EXPECT_FALSE(ReadIptablesPort(rule, false));
}

}  // namespace
}  // namespace hoy::net
