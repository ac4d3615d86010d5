#include "net/netlink/route.h"

#include <set>

#include "tests/unit/net/connections.h"
#include "tests/unit/net/private_network.h"

namespace hoy::net {
namespace {

class RouteLive : public PrivateNetwork {};

TEST_F(RouteLive, MakesABridgeAsAsked) {
  RouteSocket route = Rtnetlink();
  ExpectOk(route.AddBridge(
      {.name = "hoy0", .alias = "network web", .mtu = 1400, .mac = ParseMac("02:42:AC-11:00:01")}));
  Link link = Get(route.FindLink("hoy0"));
  ExpectOk(route.SetUp(link.index));
  auto seen = Ip("link show dev hoy0").at(0);
  EXPECT_EQ(seen["linkinfo"]["info_kind"], "bridge");
  EXPECT_EQ(seen["ifalias"], "network web");
  EXPECT_EQ(seen["mtu"], 1400);
  EXPECT_EQ(seen["address"], "02:42:ac:11:00:01");
  EXPECT_NE(seen["flags"].dump().find("\"UP\""), std::string::npos) << seen.dump();
  EXPECT_EQ(link.kind, "bridge");
  EXPECT_EQ(link.alias, "network web");
  EXPECT_EQ(link.mtu, 1400);
  EXPECT_EQ(ToString(link.mac.value()), "02:42:ac:11:00:01");
  EXPECT_FALSE(link.up);
  EXPECT_TRUE(Get(route.FindLink("hoy0")).up);
}

TEST_F(RouteLive, ConnectsAnotherNamespaceToABridge) {
  RouteSocket route = Rtnetlink();
  ExpectOk(route.AddBridge({.name = "hoy0"}));
  Link bridge = Get(route.FindLink("hoy0"));
  ExpectOk(route.AddAddress(bridge.index, Address("10.9.0.1"), 24));
  ExpectOk(route.AddAddress(bridge.index, Address("fd00:9::1"), 64));
  ExpectOk(route.SetUp(bridge.index));

  Fd inside_fd = Get(MakeNetworkNamespace());
  ExpectOk(route.AddVeth({.name = "veth0",
                          .alias = "container x",
                          .peer_name = "eth0",
                          .peer_namespace = inside_fd,
                          .peer_mac = ParseMac("02:42:0a:09:00:02"),
                          .mtu = 1300,
                          .master = bridge.index}));
  Link outer = Get(route.FindLink("veth0"));
  EXPECT_EQ(outer.kind, "veth");
  EXPECT_EQ(outer.master, bridge.index);
  EXPECT_EQ(outer.alias, "container x");
  EXPECT_EQ(outer.mtu, 1300);
  EXPECT_TRUE(outer.up);

  auto opened = RouteSocket::OpenIn(inside_fd);
  ASSERT_TRUE(opened) << opened.error().message;
  RouteSocket inside = *std::move(opened);
  Link inner = Get(inside.FindLink("eth0"));
  EXPECT_EQ(outer.peer, inner.index);
  EXPECT_EQ(ToString(inner.mac.value()), "02:42:0a:09:00:02");
  EXPECT_EQ(inner.mtu, 1300);
  ExpectOk(inside.AddAddress(inner.index, Address("10.9.0.2"), 24));
  ExpectOk(inside.AddAddress(inner.index, Address("fd00:9::2"), 64));
  ExpectOk(inside.SetUp(inner.index));
  ExpectOk(inside.SetUp(Get(inside.FindLink("lo")).index));
  ExpectOk(inside.AddRoute({.destination = Net("0.0.0.0/0"), .gateway = Address("10.9.0.1")}));
  ExpectOk(inside.AddRoute({.destination = Net("::/0"), .gateway = Address("fd00:9::1")}));
  {
    auto visit = NamespaceVisit::Enter(inside_fd);
    ASSERT_TRUE(visit) << visit.error().message;
    auto routes = Ip("route show default");
    ASSERT_EQ(routes.size(), 1u) << routes.dump();
    EXPECT_EQ(routes[0]["gateway"], "10.9.0.1");
    EXPECT_EQ(routes[0]["dev"], "eth0");
    EXPECT_EQ(Ip("-6 route show default")[0]["gateway"], "fd00:9::1");
  }
  Listener listener(Address("10.9.0.1"), 80);
  EXPECT_EQ(Connect(inside_fd, Address("10.9.0.1"), 80), "connected");
  EXPECT_EQ(listener.AcceptFrom(), "10.9.0.2");
  Listener listener6(Address("fd00:9::1"), 80);
  EXPECT_EQ(Connect(inside_fd, Address("fd00:9::1"), 80), "connected");
  EXPECT_EQ(listener6.AcceptFrom(), "fd00:9::2");
  // The veth goes with the namespace of its peer, or with either end.
  ExpectOk(route.DeleteLink("veth0"));
  EXPECT_EQ(inside.FindLink("eth0").error().kind, ErrorKind::kNotFound);
}

TEST_F(RouteLive, ListsWhatIpMade) {
  RouteSocket route = Rtnetlink();
  EXPECT_EQ(Shell("ip link add a0 type bridge\n"
                  "ip link add v0 type veth peer name v1\n"
                  "ip link set v0 master a0\n"
                  "ip link set lo up; ip link set a0 up; ip link set v1 up\n"
                  "ip addr add 10.1.2.3/24 dev a0\n"
                  "ip addr add fd00:1::3/64 dev a0 nodad\n"
                  "ip addr add 10.8.0.1 peer 10.8.0.2/32 dev v1\n"
                  "ip route add 10.50.0.0/16 via 10.1.2.9 metric 7\n"
                  "ip route add 10.51.0.0/16 nexthop dev v1 nexthop via 10.1.2.8 dev a0\n"
                  "ip route add 10.52.0.0/16 via inet6 fd00:1::9 dev a0\n"
                  "ip route add 10.60.0.0/16 dev a0 table 100\n"
                  "ip route add unreachable 10.70.0.0/16"),
            "");
  std::vector<std::string> names;
  for (const Link& link : Get(route.Links())) names.push_back(link.name);
  EXPECT_EQ(names, (std::vector<std::string>{"lo", "a0", "v1", "v0"}));
  EXPECT_EQ(Get(route.FindLink("v0")).master, Get(route.FindLink("a0")).index);

  std::set<std::string> addresses;
  for (const LinkAddress& one : Get(route.Addresses())) {
    if (one.address.ToString().starts_with("fe80")) continue;
    addresses.insert(fmt::format("{}/{}", one.address.ToString(), one.prefix));
  }
  EXPECT_EQ(addresses, (std::set<std::string>{"127.0.0.1/8", "10.8.0.1/32", "10.1.2.3/24",
                                              "::1/128", "fd00:1::3/64"}));

  std::vector<std::string> routes;
  for (const Route& one : Get(route.Routes())) {
    if (one.destination.is_v6()) continue;
    routes.push_back(fmt::format("{} {} {}", one.destination.ToString(),
                                 one.gateway ? one.gateway->ToString() : "-", one.metric));
  }
  EXPECT_EQ(routes, (std::vector<std::string>{"10.1.2.0/24 - 0", "10.8.0.2/32 - 0",
                                              "10.50.0.0/16 10.1.2.9 7", "10.51.0.0/16 10.1.2.8 0",
                                              "10.52.0.0/16 fd00:1::9 0"}));
}

TEST_F(RouteLive, ChangesALink) {
  RouteSocket route = Rtnetlink();
  EXPECT_EQ(Shell("ip link add a0 type bridge; ip link add v0 type veth peer name v1"), "");
  int veth = Get(route.FindLink("v0")).index;
  int bridge = Get(route.FindLink("a0")).index;
  ExpectOk(route.SetMaster(veth, bridge));
  ExpectOk(route.SetMtu(veth, 1280));
  ExpectOk(route.SetName(veth, "port"));
  auto seen = Ip("link show dev port").at(0);
  EXPECT_EQ(seen["master"], "a0");
  EXPECT_EQ(seen["mtu"], 1280);
  ExpectOk(route.SetMaster(veth, 0));
  ExpectOk(route.AddAddress(bridge, Address("10.3.0.1"), 24));
  ExpectOk(route.DeleteAddress(bridge, Address("10.3.0.1"), 24));
  EXPECT_EQ(Get(route.FindLink("port")).master, 0);
  EXPECT_TRUE(Get(route.Addresses()).empty());
}

TEST_F(RouteLive, SaysWhatFailedAndWhy) {
  RouteSocket route = Rtnetlink();
  ExpectOk(route.AddBridge({.name = "hoy0"}));
  Error twice = route.AddBridge({.name = "hoy0"}).error();
  EXPECT_EQ(twice.kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(twice.message, "add bridge 'hoy0': File exists");
  EXPECT_EQ(route.FindLink("hoy1").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(route.AddBridge({.name = "a-name-that-is-too-long"}).error().kind,
            ErrorKind::kInvalidArgument);
  // The kernel's own sentence is in it.
  Error unreachable =
      route.AddRoute({.destination = Net("0.0.0.0/0"), .gateway = Address("10.9.0.1")}).error();
  EXPECT_EQ(unreachable.stage, "add route");
  EXPECT_EQ(unreachable.subject, "0.0.0.0/0");
  EXPECT_NE(unreachable.message.find("(Nexthop has invalid gateway)"), std::string::npos)
      << unreachable.message;
  Error not_a_bridge = route.SetMaster(Get(route.FindLink("hoy0")).index, 1).error();
  EXPECT_EQ(not_a_bridge.stage, "set the bridge of");
}

TEST_F(RouteLive, DeletesWhatIsGoneWithoutComplaint) {
  RouteSocket route = Rtnetlink();
  ExpectOk(route.AddBridge({.name = "hoy0"}));
  int index = Get(route.FindLink("hoy0")).index;
  ExpectOk(route.DeleteLink("hoy0"));
  ExpectOk(route.DeleteLink("hoy0"));
  ExpectOk(route.DeleteLink(index));
  ExpectOk(route.DeleteAddress(1, Address("10.9.0.1"), 24));
  ExpectOk(route.DeleteRoute({.destination = Net("10.9.0.0/24"), .link = 1}));
}

TEST_F(RouteLive, ANewNamespaceIsAnotherOne) {
  auto identity = [](BorrowedFd fd) {
    return Shell(fmt::format("readlink /proc/{}/fd/{}", getpid(), fd.get()));
  };
  Fd here = Get(CurrentNetworkNamespace());
  Fd made = Get(MakeNetworkNamespace());
  EXPECT_NE(identity(here), identity(made));
  EXPECT_EQ(identity(Get(CurrentNetworkNamespace())), identity(here));
}

TEST(Mac, ReadsBothSpellingsAndNothingElse) {
  EXPECT_EQ(ToString(ParseMac("02-42-AC-11-00-fe").value()), "02:42:ac:11:00:fe");
  for (const char* wrong : {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "0242ac110002",
                            "02:42:ac:11:00:02:03", "02.42.ac.11.00.02"}) {
    EXPECT_FALSE(ParseMac(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace hoy::net
