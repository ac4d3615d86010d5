#include "net/firewall/firewall.h"

#include <gtest/gtest.h>

#include "net/firewall/nftables_firewall.h"
#include "net/firewall/table_layout.h"
#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

TEST(FirewallElements, AreReadBackAsTheyWereWritten) {
  for (const PublishedPort& port :
       {Port("0.0.0.0", 8080, "10.1.0.2", 80), Port("192.0.2.7", 53, "10.1.0.2", 5353, IPPROTO_UDP),
        Port("::", 443, "fd00:1::2", 8443), Port("2001:db8::1", 65535, "fd00:1::2", 1, 132)}) {
    SetElement element = PortElement("id", port);
    auto read = ReadPort(element.set, element.element);
    ASSERT_TRUE(read) << ToString(port);
    EXPECT_EQ(read->port, port);
    EXPECT_EQ(read->container_id, "id");
    for (std::string_view other : {kPorts4, kPorts4At, kPorts6, kPorts6At}) {
      EXPECT_EQ(ReadPort(other, element.element).has_value(), other == element.set) << other;
    }
  }
}

TEST(FirewallElements, CollideOnTheSameAddressAndOnAny) {
  PublishedPort any = Port("0.0.0.0", 80, "10.1.0.2", 80);
  EXPECT_TRUE(Collide(any, any));
  EXPECT_TRUE(Collide(any, Port("192.0.2.7", 80, "10.1.0.3", 80)));
  EXPECT_TRUE(Collide(Port("192.0.2.7", 80, "10.1.0.3", 80), any));
  EXPECT_FALSE(
      Collide(Port("192.0.2.8", 80, "10.1.0.3", 80), Port("192.0.2.7", 80, "10.1.0.3", 80)));
  EXPECT_FALSE(Collide(any, Port("0.0.0.0", 81, "10.1.0.2", 80)));
  EXPECT_FALSE(Collide(any, Port("0.0.0.0", 80, "10.1.0.2", 80, IPPROTO_UDP)));
  EXPECT_FALSE(Collide(any, Port("::", 80, "fd00::2", 80)));
}

TEST(FirewallElements, AnOwnerHasTheEndsOfItsRanges) {
  BridgeRules web{"w", "hoy1", {Net("10.1.0.0/16")}};
  BridgeRules db{"d", "hoy2", {Net("10.2.0.0/16")}};  // begins where web ends
  std::vector<nft::Element> all, expected;
  for (const BridgeRules& rules : {db, web}) {
    for (const SetElement& one : NetworkElements(rules)) {
      if (one.set != kNat4) continue;
      all.push_back(one.element);
      if (rules.network_id == "w") expected.push_back(one.element);
    }
  }
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(OwnedBy("w", all), expected);
  EXPECT_TRUE(OwnedBy("nobody", all).empty());
}

TEST_F(FirewallLive, TheKernelRefusesWhatTwoPublishAtOnce) {
  auto taken = Port("0.0.0.0", 8080, "10.1.0.2", 80);
  auto socket = NetlinkSocket::Open(NETLINK_NETFILTER);
  ASSERT_TRUE(socket);
  auto add = [&](std::string_view id, const PublishedPort& port) {
    SetElement element = PortElement(id, port);
    std::vector<NetlinkSocket::Change> changes = {
        {nft::NewElement(kTable, element.set, element.element, true), "it"}};
    return socket->Transaction(changes, "publish");
  };
  ExpectOk(add("a", taken));
  EXPECT_EQ(add("a", taken).error().system_errno, EEXIST);
  EXPECT_EQ(add("b", Port("0.0.0.0", 8080, "10.1.0.3", 80)).error().system_errno, EEXIST);
}

TEST_F(FirewallLive, NftReadsWhatWasWritten) {
  std::vector<PublishedPort> ports = {Port("0.0.0.0", 8080, "10.1.0.2", 80),
                                      Port("203.0.113.1", 53, "10.1.0.2", 5353, IPPROTO_UDP),
                                      Port("::", 443, "fd00:1::2", 8443)};
  ExpectOk(firewall_->Publish("container-a", ports));
  std::string list = Shell("nft list table inet hoy");
  for (const char* line :
       {"elements = { \"hoy1\" comment \"net-web\",", "10.1.0.0/16 comment \"net-web\"",
        "fd00:1::/64 comment \"net-web\"", "10.1.0.0/16 . \"hoy1\" comment \"net-web\"",
        "tcp . 8080 comment \"container-a\" : 10.1.0.2 . 80",
        "203.0.113.1 . udp . 53 comment \"container-a\" : 10.1.0.2 . 5353",
        "tcp . 443 comment \"container-a\" : fd00:1::2 . 8443",
        "dnat ip to ip daddr . meta l4proto . th dport map @ports4_at",
        "meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @ports6",
        "iifname @bridges ip daddr 127.0.0.0/8 drop",
        "ip saddr @nat4 oifname != \"lo\" oifname != @bridges masquerade",
        "ct status dnat ip saddr . oifname @home4 masquerade", "iifname @internal drop",
        // For forwarding of bridged packets, too, as br_netfilter does it.
        "iifname . oifname @inside accept"}) {
    EXPECT_NE(list.find(line), std::string::npos) << line << "\nin\n" << list;
  }
}

TEST_F(FirewallLive, NothingChangesWhenItIsDoneAgain) {
  std::string before = Shell("nft -a list table inet hoy");
  ExpectOk(firewall_->AddNetwork(Web()));
  ExpectOk(firewall_->Remove("nobody"));
  EXPECT_EQ(Shell("nft -a list table inet hoy"), before);
}

TEST_F(FirewallLive, EachNetworkGoesByItself) {
  ExpectOk(firewall_->Remove("net-web"));
  std::string list = Shell("nft list table inet hoy");
  EXPECT_EQ(list.find("hoy1"), std::string::npos) << list;
  EXPECT_NE(list.find("hoy2"), std::string::npos) << list;
  Listener listener(Address("203.0.113.2"), 80, outside_);
  EXPECT_EQ(Connect(c_, Address("203.0.113.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.1");
  ExpectOk(firewall_->Remove("net-db"));
  ExpectOk(firewall_->Remove("net-db"));
  EXPECT_EQ(Shell("nft list set inet hoy nat4 | grep elements; nft list set inet hoy home4 | grep "
                  "elements"),
            "");
}

TEST_F(FirewallLive, AFlushedTableIsMadeAgain) {
  EXPECT_EQ(Shell("nft add table inet other; nft flush ruleset"), "");
  EXPECT_TRUE(Get(firewall_->Published()).empty());
  ExpectOk(firewall_->Remove("net-web"));
  ExpectOk(firewall_->AddNetwork(Web()));
  Listener listener(Address("203.0.113.2"), 80, outside_);
  EXPECT_EQ(Connect(a_, Address("203.0.113.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.1");
}

}  // namespace
}  // namespace hoy::net
