// What packets find, which is the same whoever keeps the rules.

#include <gtest/gtest.h>

#include "net/firewall/iptables_firewall.h"
#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

class FirewallTraffic : public FirewallLive, public testing::WithParamInterface<const char*> {
 protected:
  void OpenFirewall() override {
    if (GetParam() == std::string_view("Nftables")) return FirewallLive::OpenFirewall();
    auto iptables = IptablesFirewall::Open();
    ASSERT_TRUE(iptables) << iptables.error().message;
    firewall_.emplace(std::make_unique<IptablesFirewall>(*std::move(iptables)));
  }
};

TEST_P(FirewallTraffic, WhatLeavesHasTheHostsAddress) {
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

TEST_P(FirewallTraffic, NetworksAreClosedToEachOtherAndToOthers) {
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
}

TEST_P(FirewallTraffic, APublishedPortIsReachedFromEverywhere) {
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
  EXPECT_EQ(Connect(-1, Address("::1"), 8080), "Connection refused") << "that is forwarded";
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

TEST_P(FirewallTraffic, ContainersDoNotReachTheHostsLoopback) {
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

TEST_P(FirewallTraffic, AnInternalNetworkLeadsNowhere) {
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

TEST_P(FirewallTraffic, APortIsPublishedOnce) {
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

TEST_P(FirewallTraffic, WhatIsPublishedOnLoopbackIsNotForTheWire) {
  std::vector<PublishedPort> ports = {Port("127.0.0.1", 8081, "10.1.0.2", 80)};
  ExpectOk(firewall_->Publish("container-a", ports));
  Listener listener(Address("0.0.0.0"), 80, a_);
  {
    auto outside = RouteSocket::OpenIn(outside_);
    ASSERT_TRUE(outside);
    ExpectOk(
        outside->AddRoute({.destination = Net("127.0.0.1/32"), .gateway = Address("203.0.113.1")}));
  }
  In(outside_, [] { return Shell("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet"); });
  ExpectBlocked(outside_, "127.0.0.1", 8081, listener, "a machine on the same wire");
}

TEST_P(FirewallTraffic, APortOfOneThatIsOverIsReplaced) {
  std::vector<PublishedPort> first = {Port("0.0.0.0", 8080, "10.1.0.2", 80),
                                      Port("127.0.0.1", 8081, "10.1.0.2", 80),
                                      Port("::", 8080, "fd00:1::2", 80)};
  ExpectOk(firewall_->Publish("container-a", first));
  std::vector<PublishedPort> ports = {Port("0.0.0.0", 8081, "10.1.0.3", 80)};
  std::vector<std::string> asked;
  auto is_over = [&](const OwnedPort& other) {
    asked.push_back(ToString(other.port));
    return other.container_id == "container-a";
  };
  EXPECT_EQ(firewall_->Publish("container-b", ports).error().kind, ErrorKind::kConflict);
  ExpectOk(firewall_->Publish("container-b", ports, is_over));
  EXPECT_EQ(asked, std::vector<std::string>{"127.0.0.1:8081/tcp"});
  auto published = Get(firewall_->Published());
  EXPECT_EQ(published.size(), 3u);
  ExpectOk(firewall_->Publish("container-b", ports));
  EXPECT_EQ(Get(firewall_->Published()).size(), 3u) << "again is no change";
}

INSTANTIATE_TEST_SUITE_P(By, FirewallTraffic, testing::Values("Nftables", "Iptables"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace hoy::net
