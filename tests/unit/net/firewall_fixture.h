#pragma once
// A host with networks of ours, and another machine beside it.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "net/firewall/firewall.h"
#include "net/firewall/forwarding.h"
#include "tests/unit/net/connections.h"
#include "tests/unit/net/private_network.h"

namespace hoy::net {

inline PublishedPort Port(std::string_view host, uint16_t host_port, std::string_view container,
                          uint16_t container_port, uint8_t protocol = IPPROTO_TCP) {
  return {Address(host), host_port, protocol, Address(container), container_port};
}

//   outside 203.0.113.2 -- 203.0.113.1 host -- web 10.1.0.1: a .2, b .3 -- db 10.2.0.1: c .2
class FirewallLive : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // As on a host without br_netfilter, which every new namespace has switched on when it is
    // there.
    ASSERT_EQ(Shell("ip link set lo up; cd /proc/sys/net; ! [ -e bridge ] || "
                    "for i in ip ip6; do echo 0 > bridge/bridge-nf-call-${i}tables; done"),
              "");
    ExpectOk(AllowForwarding(/*v6=*/true));
    outside_ = Get(MakeNetworkNamespace());
    Plug("wan", outside_, 0, {"203.0.113.2/24", "2001:db8::2/64"}, {"", ""});
    RouteSocket route = Rtnetlink();
    Give(route, "wan", {"203.0.113.1/24", "2001:db8::1/64"});
    AddNetwork("hoy1", {"10.1.0.1/16", "fd00:1::1/64"});
    AddNetwork("hoy2", {"10.2.0.1/16"});
    a_ = AddContainer("hoy1", "va", {"10.1.0.2/16", "fd00:1::2/64"}, {"10.1.0.1", "fd00:1::1"});
    b_ = AddContainer("hoy1", "vb", {"10.1.0.3/16"}, {"10.1.0.1"});
    c_ = AddContainer("hoy2", "vc", {"10.2.0.2/16"}, {"10.2.0.1"});
    // A link that is not up yet loses what it is given first, and who asks for a neighbour gives up
    // after three seconds.
    for (const char* link : {"wan", "hoy1", "hoy2", "va", "vb", "vc"}) AwaitLink(link);
    for (const Fd* at : {&outside_, &a_, &b_, &c_}) {
      In(*at, [] { return AwaitLink("eth0"); });
    }
    AwaitAddresses({"2001:db8::1", "fd00:1::1"});
    In(outside_, [] { return AwaitAddresses({"2001:db8::2"}); });
    In(a_, [] { return AwaitAddresses({"fd00:1::2"}); });
    OpenFirewall();
    ASSERT_TRUE(firewall_);
    ExpectOk(firewall_->AddNetwork(Web()));
    ExpectOk(firewall_->AddNetwork({"net-db", "hoy2", {Net("10.2.0.0/16")}}));
  }

  virtual void OpenFirewall() {
    auto firewall = Firewall::Open();
    ASSERT_TRUE(firewall) << firewall.error().message;
    firewall_.emplace(*std::move(firewall));
  }

  static BridgeRules Web() { return {"net-web", "hoy1", {Net("10.1.0.0/16"), Net("fd00:1::/64")}}; }

  static void Give(RouteSocket& route, const std::string& link,
                   const std::vector<std::string>& addresses) {
    int index = Get(route.FindLink(link)).index;
    for (const std::string& text : addresses) {
      auto slash = text.find('/');
      ExpectOk(route.AddAddress(index, Address(text.substr(0, slash)),
                                std::stoi(text.substr(slash + 1))));
    }
    ExpectOk(route.SetUp(index));
  }

  static bool AwaitLink(const std::string& name) {
    std::string said = Shell("timeout 60 sh -c 'until ip -o link show " + name +
                             " | grep -q \"state UP\"; do sleep 0.01; done' || echo late");
    EXPECT_EQ(said, "") << name;
    return said.empty();
  }

  // The kernel answers for them when a worker of its own has come to it: while many namespaces go,
  // that may take longer than a neighbour asks.
  static bool AwaitAddresses(const std::vector<std::string>& addresses) {
    std::string script;
    for (const std::string& address : addresses) {
      script += "until ip -6 route get " + address + " | grep -q ^local; do sleep 0.01; done;";
    }
    std::string said = Shell("timeout 60 sh -c '" + script + "' || echo late");
    EXPECT_EQ(said, "");
    return said.empty();
  }

  static void Plug(const std::string& name, BorrowedFd inside_fd, int master,
                   const std::vector<std::string>& addresses,
                   const std::vector<std::string>& gateways) {
    RouteSocket route = Rtnetlink();
    ExpectOk(route.AddVeth(
        {.name = name, .peer_name = "eth0", .peer_namespace = inside_fd, .master = master}));
    auto inside = RouteSocket::OpenIn(inside_fd);
    ASSERT_TRUE(inside) << inside.error().message;
    Give(*inside, "eth0", addresses);
    for (const std::string& gateway : gateways) {
      if (gateway.empty()) continue;
      bool v6 = gateway.find(':') != std::string::npos;
      ExpectOk(inside->AddRoute(
          {.destination = Net(v6 ? "::/0" : "0.0.0.0/0"), .gateway = Address(gateway)}));
    }
  }

  static void AddNetwork(const std::string& bridge, const std::vector<std::string>& addresses) {
    RouteSocket route = Rtnetlink();
    ExpectOk(route.AddBridge({.name = bridge}));
    Give(route, bridge, addresses);
    ExpectOk(PrepareBridge(bridge, /*v6=*/true));
    ExpectOk(OpenLoopback6(bridge));
  }

  static Fd AddContainer(const std::string& bridge, const std::string& name,
                         const std::vector<std::string>& addresses,
                         const std::vector<std::string>& gateways) {
    Fd inside = Get(MakeNetworkNamespace());
    RouteSocket route = Rtnetlink();
    Plug(name, inside, Get(route.FindLink(bridge)).index, addresses, gateways);
    ExpectOk(route.SetHairpin(Get(route.FindLink(name)).index));
    return inside;
  }

  // Nobody gets through: what was sent after it has arrived, and nothing of it. That a packet could
  // be slower than all that followed makes this pass, never fail.
  static void ExpectBlocked(BorrowedFd from, std::string_view to, uint16_t port, Listener& listener,
                            std::string_view what) {
    Fd blocked = BeginConnect(from, Address(to), port);
    EXPECT_EQ(ConnectionState(blocked, 100), "waiting") << what;
    EXPECT_EQ(listener.AcceptFrom(/*wait=*/false), "nobody") << what;
  }

  Fd outside_, a_, b_, c_;
  std::optional<Firewall> firewall_;
};

}  // namespace hoy::net
