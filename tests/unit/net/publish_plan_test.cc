#include <gtest/gtest.h>

#include "net/attach/publish.h"

namespace hoy::net {
namespace {

const std::optional<IpAddress> kV4 = IpAddress::Parse("172.17.0.2");
const std::optional<IpAddress> kV6 = IpAddress::Parse("fd00::2");

std::string Text(std::span<const PortWish> wishes) {
  std::string text;
  for (const PortWish& wish : wishes) {
    for (const PortWish::Way& way : wish.ways) {
      text +=
          fmt::format("{} {}-{} -> {} {}/{}\n", way.host.ToString(), wish.first, wish.last,
                      way.container.ToString(), wish.container_port, TransportName(wish.protocol));
    }
  }
  return text;
}

TEST(PublishPlan, WithoutAnAddressEveryFamilyTheContainerHas) {
  std::vector<core::PortBinding> bindings = {
      {.host_port = 8080, .container_port = 80},
      {.container_port = 53, .protocol = "udp"},
      {.host_port = 8000, .host_port_last = 8010, .container_port = 1, .protocol = "sctp"}};
  EXPECT_EQ(Text(*WishesFor(bindings, kV4, kV6)),
            "0.0.0.0 8080-8080 -> 172.17.0.2 80/tcp\n:: 8080-8080 -> fd00::2 80/tcp\n"
            "0.0.0.0 0-0 -> 172.17.0.2 53/udp\n:: 0-0 -> fd00::2 53/udp\n"
            "0.0.0.0 8000-8010 -> 172.17.0.2 1/sctp\n:: 8000-8010 -> fd00::2 1/sctp\n");
  EXPECT_EQ(Text(*WishesFor({bindings.data(), 1}, kV4, std::nullopt)),
            "0.0.0.0 8080-8080 -> 172.17.0.2 80/tcp\n:: 8080-8080 -> 172.17.0.2 80/tcp\n");
  EXPECT_TRUE(WishesFor(bindings, std::nullopt, std::nullopt)->empty());
}

TEST(PublishPlan, AnAddressIsOfOneFamily) {
  std::vector<core::PortBinding> bindings = {
      {.host_address = "127.0.0.1", .host_port = 80, .container_port = 80},
      {.host_address = "::1", .host_port = 80, .container_port = 80}};
  EXPECT_EQ(Text(*WishesFor(bindings, kV4, kV6)),
            "127.0.0.1 80-80 -> 172.17.0.2 80/tcp\n::1 80-80 -> fd00::2 80/tcp\n");
  // That is forwarded.
  EXPECT_EQ(Text(*WishesFor(bindings, kV4, std::nullopt)),
            "127.0.0.1 80-80 -> 172.17.0.2 80/tcp\n::1 80-80 -> 172.17.0.2 80/tcp\n");
  for (const char* host : {"2001:db8::1", "::"}) {
    bindings[1].host_address = host;
    EXPECT_EQ(Text(*WishesFor({&bindings[1], 1}, kV4, std::nullopt)),
              std::string(host) + " 80-80 -> 172.17.0.2 80/tcp\n");
    EXPECT_EQ(Text(*WishesFor({&bindings[1], 1}, kV4, kV6)),
              std::string(host) + " 80-80 -> fd00::2 80/tcp\n");
  }
  // No process forwards that.
  bindings[1] = {
      .host_address = "2001:db8::1", .host_port = 80, .container_port = 80, .protocol = "sctp"};
  Error error = WishesFor(bindings, kV4, std::nullopt).error();
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(error.message, "port 80 on 2001:db8::1: the container has no IPv6 address");
}

TEST(PublishPlan, OnAnInternalNetworkNoListenerIsForOthers) {
  std::vector<core::PortBinding> bindings = {{.host_port = 8080, .container_port = 80}};
  EXPECT_EQ(Text(*WishesFor(bindings, kV4, std::nullopt, /*only_within=*/true)),
            "0.0.0.0 8080-8080 -> 172.17.0.2 80/tcp\n::1 8080-8080 -> 172.17.0.2 80/tcp\n");
  bindings[0].host_address = "::1";
  EXPECT_EQ(Text(*WishesFor(bindings, kV4, std::nullopt, /*only_within=*/true)),
            "::1 8080-8080 -> 172.17.0.2 80/tcp\n");
  for (const char* host : {"2001:db8::1", "::"}) {
    bindings[0].host_address = host;
    EXPECT_FALSE(WishesFor(bindings, kV4, std::nullopt, /*only_within=*/true)) << host;
  }
}

TEST(PublishPlan, WhoIsOnOtherNetworksKeepsHisPorts) {
  auto at = [](const std::optional<IpAddress>& address) {
    return std::optional(EndpointAddress{.address = *address, .prefix = 16, .gateway = *address});
  };
  std::vector<core::PortBinding> bindings = {
      {.container_port = 80},
      {.host_port = 8080, .container_port = 80},
      {.host_port = 8000, .host_port_last = 8010, .container_port = 1},
      {.host_address = "2001:db8::1", .host_port = 53, .container_port = 53, .protocol = "sctp"}};
  NetworkStatus status;
  status.endpoints = {{.network = "four", .link = "a", .v4 = at(kV4)}};
  for (const char* host : {"0.0.0.0", "::"}) {
    const IpAddress any = *IpAddress::Parse(host);
    status.ports.push_back({any, 8080, IPPROTO_TCP, *kV4, 80});
    status.ports.push_back({any, 40000, IPPROTO_TCP, *kV4, 80});
    status.ports.push_back({any, 8003, IPPROTO_TCP, *kV4, 1});
  }
  EXPECT_EQ(*OtherPorts(bindings, status), std::nullopt) << "nothing has changed";
  status.endpoints.push_back({.network = "six", .link = "b", .v6 = at(kV6)});
  auto others = *OtherPorts(bindings, status);
  ASSERT_TRUE(others);
  EXPECT_EQ(Text(*WishesFor(*others, kV4, kV6)),
            "0.0.0.0 40000-40000 -> 172.17.0.2 80/tcp\n:: 40000-40000 -> fd00::2 80/tcp\n"
            "0.0.0.0 8080-8080 -> 172.17.0.2 80/tcp\n:: 8080-8080 -> fd00::2 80/tcp\n"
            "0.0.0.0 8003-8003 -> 172.17.0.2 1/tcp\n:: 8003-8003 -> fd00::2 1/tcp\n"
            "2001:db8::1 53-53 -> fd00::2 53/sctp\n");
  status.endpoints.clear();
  others = *OtherPorts(bindings, status);
  EXPECT_TRUE(others && others->empty()) << "none can be";
}

}  // namespace
}  // namespace hoy::net
