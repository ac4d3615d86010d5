#include "net/firewall/port_sockets.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

class PortSockets : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(Shell("ip link set lo up"), "");
  }

  static PortWish Wish(uint16_t first, uint16_t last, uint8_t protocol = IPPROTO_TCP,
                       std::string_view host = "0.0.0.0") {
    bool v6 = Address(host).is_v6();
    return {.ways = {{Address(host), Address(v6 ? "fd00::2" : "10.1.0.2")}},
            .first = first,
            .last = last,
            .container_port = 80,
            .protocol = protocol};
  }
  static PortWish Both(uint16_t first, uint16_t last) {
    PortWish wish = Wish(first, last);
    wish.ways.push_back({Address("::"), Address("fd00::2")});
    return wish;
  }
  static Result<HeldPorts> Hold(std::vector<PortWish> wishes) {
    return HoldPorts(wishes, [](const PublishedPort&) { return false; });
  }
  static std::string Names(const Result<HeldPorts>& held) {
    if (!held) return held.error().message;
    std::string names;
    for (const PublishedPort& port : held->ports) names += ToString(port) + " ";
    return names;
  }
};

TEST_F(PortSockets, APortIsHeldUntilTheLastDescriptorOfItIsClosed) {
  std::vector<PortWish> wishes = {Both(8080, 8080), Wish(8080, 8080, IPPROTO_UDP),
                                  Wish(80, 80, IPPROTO_TCP, "127.0.0.1")};
  auto first = Hold(wishes);
  ASSERT_EQ(Names(first), "0.0.0.0:8080/tcp [::]:8080/tcp 0.0.0.0:8080/udp 127.0.0.1:80/tcp ");
  Fd packed = Get(Pack(first->sockets));
  PackedForwards forwards = Get(PackForwards(first->forwards));
  first->sockets.clear();
  first->forwards.clear();
  for (const PortWish& wish : wishes) {
    auto second = Hold({wish});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
    EXPECT_EQ(second.error().system_errno, EADDRINUSE);
  }
  EXPECT_EQ(Hold({Wish(8080, 8080)}).error().message, "port 0.0.0.0:8080/tcp is in use");
  EXPECT_TRUE(Hold({Wish(81, 81)}));
  // It is bound and does not answer.
  EXPECT_EQ(Connect(-1, Address("127.0.0.1"), 8080), "Connection refused");
  packed.reset();
  EXPECT_EQ(Hold({Both(8080, 8080)}).error().message, "port [::]:8080/tcp is in use");
  pollfd ready{forwards.watch.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 0), 0);
  EXPECT_EQ(Connect(-1, Address("::1"), 8080), "connected");
  EXPECT_EQ(poll(&ready, 1, -1), 1) << "now somebody has to take it";
  forwards.bundle.reset();
  EXPECT_EQ(Names(Hold(wishes)),
            "0.0.0.0:8080/tcp [::]:8080/tcp 0.0.0.0:8080/udp 127.0.0.1:80/tcp ");
}

TEST_F(PortSockets, WhatIsImpliedIsHeldWhereItIsToBeHad) {
  auto implying = [](uint16_t first, uint16_t last) {
    PortWish wish = Wish(first, last);
    wish.ways.push_back({Address("::"), Address("10.1.0.2"), /*implied=*/true});
    return wish;
  };
  auto held = Hold({implying(8080, 8080), implying(8080, 8081)});
  EXPECT_EQ(Names(held), "0.0.0.0:8080/tcp [::]:8080/tcp 0.0.0.0:8081/tcp [::]:8081/tcp ");
  ASSERT_EQ(held->forwards.size(), 2u);
  EXPECT_EQ(ToString(held->forwards[0].port), "[::]:8080/tcp");
  held->sockets.clear();
  EXPECT_EQ(Names(Hold({implying(8080, 8080)})), "0.0.0.0:8080/tcp ");
  // What somebody asked for goes first, whatever the order.
  EXPECT_EQ(Names(Hold({implying(9000, 9000), Wish(9000, 9000, IPPROTO_TCP, "::1")})),
            "0.0.0.0:9000/tcp [::1]:9000/tcp ");
  // A host that has no such address has none to hold.
  PortWish wish = implying(9000, 9000);
  wish.ways[1].host = Address("2001:db8::1");
  EXPECT_EQ(Names(Hold({wish})), "0.0.0.0:9000/tcp ");
}

// A process forwards so many and no more; who comes to the others is refused, and so is whoever
// wants them for himself.
TEST_F(PortSockets, OnlyThoseThatAreServedListen) {
  std::vector<PortWish> wishes = {Both(8001, 8001), Both(8002, 8002), Both(8003, 8003),
                                  Wish(8004, 8004, IPPROTO_TCP, "::1")};
  wishes[3].ways[0].container = Address("10.1.0.2");
  auto held = Hold(wishes);
  ASSERT_TRUE(held) << held.error().message;
  ASSERT_EQ(held->forwards.size(), 4u);
  ExpectOk(LimitForwards(*held, 2));
  ASSERT_EQ(held->forwards.size(), 2u);
  EXPECT_EQ(ToString(held->forwards[0].port), "[::1]:8004/tcp") << "first what is needed";
  EXPECT_EQ(ToString(held->forwards[1].port), "[::]:8001/tcp");
  for (uint16_t port : {8001, 8004}) EXPECT_EQ(Connect(-1, Address("::1"), port), "connected");
  for (uint16_t port : {8002, 8003}) {
    EXPECT_EQ(Connect(-1, Address("::1"), port), "Connection refused");
    auto other = Hold({Wish(port, port, IPPROTO_TCP, "::")});
    ASSERT_FALSE(other) << port;
    EXPECT_EQ(other.error().system_errno, EADDRINUSE);
  }

  auto named = Hold({Wish(81, 81, IPPROTO_TCP, "::1"), Wish(82, 82, IPPROTO_TCP, "::1")});
  ASSERT_TRUE(named) << named.error().message;
  auto limited = LimitForwards(*named, 1);
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(limited.error().message.find("more than 1 published ports"), std::string::npos);
}

TEST_F(PortSockets, NobodyElseGetsAHeldPortNeitherByAskingToShareIt) {
  auto held = Hold({Wish(8080, 8080)});
  ASSERT_TRUE(held);
  Fd other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  SocketAddress address(Address("0.0.0.0"), 8080);
  EXPECT_EQ(bind(other.get(), address.get(), address.size), -1);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST_F(PortSockets, ConnectionsOfAnEarlierServerAreNotInTheWay) {
  {
    Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;
    setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SocketAddress address(Address("127.0.0.1"), 8080);
    ASSERT_EQ(bind(server.get(), address.get(), address.size), 0);
    ASSERT_EQ(listen(server.get(), 1), 0);
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(client.get(), address.get(), address.size), 0);
    Fd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    accepted.reset();  // who closes first lingers
    char none;
    EXPECT_EQ(read(client.get(), &none, 1), 0);
  }
  ASSERT_NE(Shell("ss -Htan state time-wait 'sport = :8080'"), "");
  auto first = Hold({Wish(8080, 8080)});
  ASSERT_EQ(Names(first), "0.0.0.0:8080/tcp ");
  EXPECT_EQ(Names(Hold({Wish(8080, 8080)})), "port 0.0.0.0:8080/tcp is in use");
  EXPECT_EQ(Shell("ss -Htln"), "") << "it listens no more";
}

TEST_F(PortSockets, AnyFreePortIsTheSameForBothFamiliesAndTakenByNobodyElse) {
  auto first = Hold({Both(0, 0), Both(0, 0), Wish(0, 0, IPPROTO_UDP)});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->ports.size(), 5u);
  EXPECT_EQ(first->ports[0].host_port, first->ports[1].host_port);
  EXPECT_NE(first->ports[0].host_port, first->ports[2].host_port);
  EXPECT_GT(first->ports[4].host_port, 1023);
  // What others have without a socket is passed by.
  int asked = 0;
  auto some = HoldPorts(std::vector{Both(0, 0)}, [&](const PublishedPort&) { return ++asked < 4; });
  ASSERT_TRUE(some);
  EXPECT_EQ(asked, 5);
}

TEST_F(PortSockets, TheFirstOfARangeThatIsFree) {
  auto held = Hold({Wish(8000, 8000), Wish(8002, 8002)});
  ASSERT_TRUE(held);
  EXPECT_EQ(Names(Hold({Both(8000, 8003), Both(8000, 8003)})),
            "0.0.0.0:8001/tcp [::]:8001/tcp 0.0.0.0:8003/tcp [::]:8003/tcp ");
  // What is named goes first, whatever the order.
  EXPECT_EQ(Names(Hold({Wish(8001, 8003), Wish(8001, 8001)})),
            "0.0.0.0:8003/tcp 0.0.0.0:8001/tcp ");
  EXPECT_EQ(Names(Hold({Wish(8001, 8001), Wish(8000, 8002)})), "ports 8000-8002 are all in use");
}

TEST_F(PortSockets, SaysWhatIsWrongWithAnAddress) {
  auto held = Hold({Wish(80, 80, IPPROTO_TCP, "192.0.2.1")});
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(held.error().message, "port 192.0.2.1:80/tcp: the host has no such address");
}

TEST_F(PortSockets, NamesWhoHasAPort) {
  auto port = [](std::string_view host, uint16_t number, uint8_t protocol = IPPROTO_TCP) {
    bool v6 = Address(host).is_v6();
    return Port(host, number, v6 ? "fd00::2" : "10.1.0.2", 80, protocol);
  };
  EXPECT_FALSE(FindPortHolder(port("0.0.0.0", 8080)));
  Listener listener(Address("127.0.0.1"), 8080);
  UdpSocket udp(Address("::"), 53);
  for (const PublishedPort& one : {port("0.0.0.0", 8080), port("127.0.0.1", 8080),
                                   port("::", 53, IPPROTO_UDP), port("0.0.0.0", 53, IPPROTO_UDP)}) {
    auto holder = FindPortHolder(one);
    ASSERT_TRUE(holder) << ToString(one);
    EXPECT_EQ(holder->pid, getpid());
    EXPECT_EQ(holder->program, std::string("unit_tests"));
  }
  EXPECT_FALSE(FindPortHolder(port("127.0.0.2", 8080)));
  EXPECT_FALSE(FindPortHolder(port("0.0.0.0", 8080, IPPROTO_UDP)));
}

TEST_F(PortSockets, AThousandPortsAreOneDescriptor) {
  std::vector<PortWish> wishes;
  for (uint16_t i = 0; i < 1500; ++i) {
    wishes.push_back(Both(static_cast<uint16_t>(10000 + i), static_cast<uint16_t>(10000 + i)));
  }
  auto held = Hold(wishes);
  ASSERT_TRUE(held) << held.error().message;
  Fd packed = Get(Pack(held->sockets));
  held->sockets.clear();
  EXPECT_FALSE(Hold({Wish(11499, 11499)}));
}

}  // namespace
}  // namespace hoy::net
