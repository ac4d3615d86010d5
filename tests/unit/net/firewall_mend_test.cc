#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "net/firewall/conntrack.h"
#include "net/firewall/table_layout.h"
#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

class FirewallMending : public FirewallLive {
 protected:
  static Firewall Another() {
    auto firewall = Firewall::Open();
    EXPECT_TRUE(firewall) << firewall.error().message;
    return *std::move(firewall);
  }
  static std::string List() { return Shell("nft list table inet hoy"); }

  // As a hoy of another version would have made it.
  static void MakeOfVersion(int version, const std::string& edit) {
    EXPECT_EQ(Shell(fmt::format("d=$(mktemp) && nft list table inet hoy | sed 's/, layout {}\"/, "
                                "layout {}\"/; {}' > $d && nft delete table inet hoy && nft -f $d; "
                                "rm $d",
                                kLayoutVersion, version, edit)),
              "");
  }

  void PublishFirst() {
    std::vector<PublishedPort> ports = {Port("0.0.0.0", 8080, "10.1.0.2", 80),
                                        Port("127.0.0.1", 8081, "10.1.0.2", 80),
                                        Port("::", 8080, "fd00:1::2", 80)};
    ExpectOk(firewall_->Publish("container-a", ports));
  }
};

TEST_F(FirewallMending, RulesThatAreMissingAreMadeAgainAndNothingIsLost) {
  PublishFirst();
  std::string whole = List();
  for (const char* harm : {"nft flush chain inet hoy forward", "nft flush table inet hoy",
                           "nft delete rule inet hoy postrouting handle $(nft -a list chain inet "
                           "hoy postrouting | sed "
                           "-n 's/.*hairpin.*handle //p' | head -1)",
                           "nft insert rule inet hoy forward accept"}) {
    ASSERT_EQ(Shell(harm), "");
    ASSERT_NE(List(), whole) << harm;
    Firewall another = Another();
    ExpectOk(another.AddNetwork(Web()));
    EXPECT_EQ(List(), whole) << harm;
    EXPECT_TRUE(another.was_mended());
  }
  Firewall last = Another();
  ExpectOk(last.AddNetwork(Web()));
  EXPECT_FALSE(last.was_mended());
  Listener listener(Address("0.0.0.0"), 80, a_);
  EXPECT_EQ(Connect(outside_, Address("203.0.113.1"), 8080), "connected");
}

TEST_F(FirewallMending, AnOlderLayoutIsReplacedAndANewerOneLeft) {
  PublishFirst();
  std::string whole = List();
  MakeOfVersion(0, "/saddr @nat4/d");
  Firewall newer = Another();
  ExpectOk(newer.AddNetwork(Web()));
  EXPECT_EQ(List(), whole);
  EXPECT_TRUE(newer.was_mended());

  MakeOfVersion(kLayoutVersion + 1, "/saddr @nat4/d");
  std::string theirs = List();
  Firewall older = Another();
  ExpectOk(older.AddNetwork(Web()));
  EXPECT_FALSE(older.was_mended());
  EXPECT_EQ(List(), theirs);
  ExpectOk(older.Remove("container-a"));
  EXPECT_EQ(List().find("container-a"), std::string::npos);
}

TEST_F(FirewallMending, ManyPublishAtOnceAndOneGetsAPort) {
  constexpr int kMany = 8;
  std::atomic<int> winners = 0, losers = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kMany; ++i) {
    threads.emplace_back([&, i] {
      Firewall firewall = Another();
      std::string id = fmt::format("container-{}", i);
      std::vector<PublishedPort> own = {
          Port("0.0.0.0", static_cast<uint16_t>(9000 + i), "10.1.0.2", 80)};
      ExpectOk(firewall.Publish(id, own));
      // The same port, half of them on one address.
      std::vector<PublishedPort> common = {
          Port(i % 2 == 0 ? "0.0.0.0" : "203.0.113.1", 8000, "10.1.0.2", 80)};
      auto done = firewall.Publish(id, common);
      if (!done) {
        EXPECT_EQ(done.error().kind, ErrorKind::kConflict) << done.error().message;
      }
      // Two of them on one address collide only with each other, and all with the first.
      (done ? winners : losers) += 1;
      if (i % 4 == 3) ExpectOk(firewall.Remove(id));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners + losers, kMany);
  EXPECT_GE(winners, 1);
  std::vector<OwnedPort> published = Get(firewall_->Published());
  int of_common = 0;
  for (const OwnedPort& port : published) of_common += port.port.host_port == 8000 ? 1 : 0;
  EXPECT_LE(of_common, 1);
  EXPECT_EQ(published.size(), static_cast<size_t>(kMany - kMany / 4 + of_common));
}

TEST_F(FirewallMending, AThousandPortsAreOneTransaction) {
  std::vector<PublishedPort> ports;
  for (int i = 0; i < 2000; ++i) {
    ports.push_back(Port("0.0.0.0", static_cast<uint16_t>(10000 + i), "10.1.0.2",
                         static_cast<uint16_t>(10000 + i), i % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP));
  }
  ExpectOk(firewall_->Publish("container-a", ports));
  EXPECT_EQ(Get(firewall_->Published()).size(), ports.size());
  EXPECT_EQ(firewall_->Publish("container-b", ports).error().kind, ErrorKind::kConflict);
  ExpectOk(firewall_->Remove("container-a"));
  EXPECT_TRUE(Get(firewall_->Published()).empty());
}

TEST_F(FirewallMending, AUdpClientThatGoesOnSendingReachesTheNewContainer) {
  UdpSocket at_a(Address("0.0.0.0"), 53, a_);
  UdpSocket at_b(Address("0.0.0.0"), 53, b_);
  UdpSocket client(Address("0.0.0.0"), 0, outside_);
  std::vector<PublishedPort> first = {Port("0.0.0.0", 5353, "10.1.0.2", 53, IPPROTO_UDP)};
  std::vector<PublishedPort> second = {Port("0.0.0.0", 5353, "10.1.0.3", 53, IPPROTO_UDP)};
  UdpSocket nobody(Address("0.0.0.0"), 5353);  // the host's own, before anything is published
  client.Send(Address("203.0.113.1"), 5353, "0");
  EXPECT_EQ(nobody.Receive(), "0");

  ExpectOk(firewall_->Publish("container-a", first));
  EXPECT_EQ(Get(ForgetConnections(first)), 1);
  client.Send(Address("203.0.113.1"), 5353, "1");
  EXPECT_EQ(at_a.Receive(), "1");

  ExpectOk(firewall_->Remove("container-a"));
  ExpectOk(firewall_->Publish("container-b", second));
  client.Send(Address("203.0.113.1"), 5353, "2");
  EXPECT_EQ(at_a.Receive(), "2") << "what the kernel does when nobody makes it forget";
  EXPECT_EQ(Get(ForgetConnections(first)), 1);
  client.Send(Address("203.0.113.1"), 5353, "3");
  EXPECT_EQ(at_b.Receive(), "3");
  EXPECT_EQ(nobody.Receive(0), "nothing");
  std::vector<PublishedPort> tcp = {Port("0.0.0.0", 5353, "10.1.0.3", 53)};
  EXPECT_EQ(Get(ForgetConnections(tcp)), 0);
}

}  // namespace
}  // namespace hoy::net
