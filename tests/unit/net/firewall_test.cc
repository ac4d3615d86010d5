#include "net/firewall/firewall.h"

#include <gtest/gtest.h>

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

TEST_F(FirewallLive, WhatLeavesHasTheHostsAddress) {
  Listener listener(Address("203.0.113.2"), 80, outside_);
  EXPECT_EQ(Connect(a_, Address("203.0.113.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.1");
  Listener listener6(Address("2001:db8::2"), 80, outside_);
  EXPECT_EQ(Connect(a_, Address("2001:db8::2"), 80), "connected");
  EXPECT_EQ(listener6.AcceptFrom(), "2001:db8::1");
  // Inside a network and towards the host it keeps its own.
  Listener inside(Address("10.1.0.3"), 80, b_);
  EXPECT_EQ(Connect(a_, Address("10.1.0.3"), 80), "connected");
  EXPECT_EQ(inside.AcceptFrom(), "10.1.0.2");
  Listener host(Address("10.1.0.1"), 81);
  EXPECT_EQ(Connect(a_, Address("10.1.0.1"), 81), "connected");
  EXPECT_EQ(host.AcceptFrom(), "10.1.0.2");
  EXPECT_EQ(Connect(-1, Address("10.1.0.1"), 81), "connected");
  EXPECT_EQ(host.AcceptFrom(), "10.1.0.1");
}

TEST_F(FirewallLive, NetworksAreClosedToEachOtherAndToOthers) {
  Listener listener(Address("10.1.0.2"), 80, a_);
  ExpectBlocked(c_, "10.1.0.2", 80, listener, "another network");
  {
    auto outside = RouteSocket::OpenIn(outside_);
    ASSERT_TRUE(outside);
    ExpectOk(
        outside->AddRoute({.destination = Net("10.1.0.0/16"), .gateway = Address("203.0.113.1")}));
  }
  ExpectBlocked(outside_, "10.1.0.2", 80, listener, "another machine");
  EXPECT_EQ(Connect(b_, Address("10.1.0.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.3");
  EXPECT_EQ(Connect(-1, Address("10.1.0.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.1");
  // With forwarding to bridged packets, too, as br_netfilter does: the rule for it is there.
  EXPECT_NE(Shell("nft list chain inet hoy forward").find("iifname . oifname @inside accept"),
            std::string::npos);
}

TEST_F(FirewallLive, APublishedPortIsReachedFromEverywhere) {
  Listener listener(Address("0.0.0.0"), 80, a_);
  Listener listener6(Address("fd00:1::2"), 80, a_);
  std::vector<PublishedPort> ports = {Port("0.0.0.0", 8080, "10.1.0.2", 80),
                                      Port("::", 8080, "fd00:1::2", 80),
                                      Port("127.0.0.1", 8081, "10.1.0.2", 80)};
  ExpectOk(firewall_->Publish("container-a", ports));
  EXPECT_EQ(Connect(outside_, Address("203.0.113.1"), 8080), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.2") << "the client's address is kept";
  EXPECT_EQ(Connect(outside_, Address("2001:db8::1"), 8080), "connected");
  EXPECT_EQ(listener6.AcceptFrom(), "2001:db8::2");
  EXPECT_EQ(Connect(-1, Address("127.0.0.1"), 8080), "connected") << "the host's loopback";
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.1");
  EXPECT_EQ(Connect(-1, Address("127.0.0.1"), 8081), "connected") << "published there only";
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.1");
  EXPECT_EQ(Connect(-1, Address("::1"), 8080), "connected") << "the host's loopback";
  EXPECT_EQ(listener6.AcceptFrom(), "fd00:1::1");
  EXPECT_EQ(Connect(-1, Address("203.0.113.1"), 8080), "connected") << "the host's own address";
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.1");
  EXPECT_EQ(Connect(c_, Address("203.0.113.1"), 8080), "connected") << "another network";
  EXPECT_EQ(listener.AcceptFrom(), "10.2.0.2");
  EXPECT_EQ(Connect(b_, Address("203.0.113.1"), 8080), "connected") << "hairpin";
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.1");
  EXPECT_EQ(Connect(a_, Address("203.0.113.1"), 8080), "connected") << "hairpin to itself";
  EXPECT_EQ(listener.AcceptFrom(), "10.1.0.1");
  EXPECT_EQ(Connect(outside_, Address("203.0.113.1"), 8081), "Connection refused");

  ExpectOk(firewall_->Remove("container-a"));
  EXPECT_EQ(Connect(outside_, Address("203.0.113.1"), 8080), "Connection refused");
  EXPECT_EQ(Connect(-1, Address("127.0.0.1"), 8081), "Connection refused");
}

TEST_F(FirewallLive, ContainersDoNotReachTheHostsLoopback) {
  Listener listener(Address("127.0.0.1"), 90);
  {
    auto inside = RouteSocket::OpenIn(a_);
    ASSERT_TRUE(inside);
    // What an attacker with CAP_NET_ADMIN in the container does.
    ExpectOk(
        inside->AddRoute({.destination = Net("127.0.0.1/32"), .gateway = Address("10.1.0.1")}));
  }
  In(a_, [] { return Shell("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet"); });
  ExpectBlocked(a_, "127.0.0.1", 90, listener, "the host's loopback");
}

TEST_F(FirewallLive, AnInternalNetworkLeadsNowhere) {
  ExpectOk(firewall_->Remove("net-db"));
  ExpectOk(firewall_->AddNetwork({"net-db", "hoy2", {Net("10.2.0.0/16")}, /*internal=*/true}));
  Listener listener(Address("203.0.113.2"), 80, outside_);
  {
    auto outside = RouteSocket::OpenIn(outside_);
    ASSERT_TRUE(outside);
    ExpectOk(
        outside->AddRoute({.destination = Net("10.2.0.0/16"), .gateway = Address("203.0.113.1")}));
  }
  ExpectBlocked(c_, "203.0.113.2", 80, listener, "out of an internal network");
  EXPECT_EQ(Connect(a_, Address("203.0.113.2"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "203.0.113.1");
}

TEST_F(FirewallLive, APortIsPublishedOnce) {
  std::vector<PublishedPort> first = {Port("0.0.0.0", 8080, "10.1.0.2", 80)};
  ExpectOk(firewall_->Publish("container-a", first));
  for (const char* host : {"0.0.0.0", "203.0.113.1"}) {
    std::vector<PublishedPort> second = {Port("0.0.0.0", 8000, "10.1.0.3", 80),
                                         Port(host, 8080, "10.1.0.3", 80)};
    Error error = firewall_->Publish("container-b", second).error();
    EXPECT_EQ(error.kind, ErrorKind::kConflict);
    EXPECT_EQ(error.subject, "container-a");
    EXPECT_EQ(error.message,
              fmt::format("port {}:8080/tcp is published by container container-a", host));
  }
  auto published = Get(firewall_->Published());
  ASSERT_EQ(published.size(), 1u) << "all or none";
  EXPECT_EQ(published[0].container_id, "container-a");
  EXPECT_EQ(published[0].port, first[0]);
  std::vector<PublishedPort> udp = {Port("0.0.0.0", 8080, "10.1.0.3", 80, IPPROTO_UDP)};
  ExpectOk(firewall_->Publish("container-b", udp));
  ExpectOk(firewall_->Remove("container-a"));
  published = Get(firewall_->Published());
  ASSERT_EQ(published.size(), 1u);
  EXPECT_EQ(ToString(published[0].port), "0.0.0.0:8080/udp");
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
        "ct status dnat ip saddr . oifname @home4 masquerade", "iifname @internal drop"}) {
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
