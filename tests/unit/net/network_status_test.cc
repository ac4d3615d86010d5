#include "net/attach/network_status.h"

#include <gtest/gtest.h>

#include "net/attach/endpoint.h"

namespace hoy::net {
namespace {

IpAddress At(std::string_view text) {
  return IpAddress::Parse(text).value();
}

TEST(NetworkStatus, SurvivesItsText) {
  NetworkStatus status;
  status.endpoints.push_back(
      {.network = "bridge",
       .network_id = std::string(64, 'a'),
       .link = "hoyaaaaac110002",
       .inside = "eth0",
       .mac = {2, 0x42, 172, 17, 0, 2},
       .v4 =
           EndpointAddress{.address = At("172.17.0.2"), .prefix = 16, .gateway = At("172.17.0.1")},
       .v6 = {},
       .aliases = {"www"},
       .names = {"web", "www"}});
  status.endpoints.push_back(
      {.network = "inner",
       .network_id = std::string(64, 'b'),
       .link = "hoybbbb0",
       .inside = "eth1",
       .mac = {2, 0x42, 0, 0, 0, 9},
       .v4 = {},
       .v6 = EndpointAddress{.address = At("fd00::2"), .prefix = 64, .gateway = {}},
       .aliases = {},
       .names = {}});
  status.ports.push_back({.host = At("::"),
                          .host_port = 8080,
                          .protocol = IPPROTO_UDP,
                          .container = At("fd00::2"),
                          .container_port = 80});
  auto again = DecodeNetworkStatus(EncodeNetworkStatus(status));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, status);
  EXPECT_EQ(status.PublishedAddress(false), At("172.17.0.2"));
  EXPECT_EQ(status.PublishedAddress(true), std::nullopt) << "that network leads nowhere";
  EXPECT_EQ(status.WayOut(false), status.endpoints.data());
  EXPECT_EQ(status.WayOut(true), nullptr);
  status.endpoints.erase(status.endpoints.begin());
  EXPECT_EQ(status.PublishedAddress(true), At("fd00::2")) << "better than none";
}

TEST(NetworkStatus, OfEachFamilyTheFirstThatLeadsOutHasTheWay) {
  auto v4 = [](const char* address, bool leads_out) {
    EndpointAddress of{.address = At(address), .prefix = 24, .gateway = {}};
    if (leads_out) of.gateway = At("10.0.0.1");
    return std::optional(of);
  };
  EndpointAddress v6{.address = At("fd00::2"), .prefix = 64, .gateway = At("fd00::1")};
  NetworkStatus status;
  status.endpoints = {
      {.network = "internal", .link = "a", .v4 = v4("10.0.1.2", false)},
      {.network = "wire", .link = "", .v4 = v4("10.0.2.2", true)},
      {.network = "app", .link = "b", .v4 = v4("10.0.3.2", true)},
      {.network = "six", .link = "c", .v4 = v4("10.0.4.2", true), .v6 = v6},
  };
  EXPECT_EQ(status.WayOut(false)->network, "wire");
  EXPECT_EQ(status.WayOut(true)->network, "six");
  EXPECT_EQ(status.PublishedAddress(false), At("10.0.3.2"));
  EXPECT_EQ(status.PublishedAddress(true), At("fd00::2"));
}

TEST(NetworkStatus, DamageIsNoticed) {
  std::string good = EncodeNetworkStatus({});
  EXPECT_TRUE(DecodeNetworkStatus(good));
  for (const std::string& bad : {std::string(), std::string("{}"), good.substr(0, good.size() / 2),
                                 std::string(R"({"endpoints":[{"network":1}],"ports":[]})"),
                                 std::string(R"({"endpoints":[],"ports":[{"host":"x"}]})")}) {
    auto status = DecodeNetworkStatus(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(Endpoint, LinksAndMacsAreNamedAfterAddresses) {
  NetworkRecord network{.id = "12345678", .name = "web"};
  EXPECT_EQ(LinkName(network, At("172.17.0.2")), "hoy1234ac110002");
  EXPECT_EQ(LinkName(network, At("fd00::2")).size(), kLongestLinkName);
  EXPECT_NE(LinkName(network, At("fd00::2")), LinkName(network, At("fd00::3")));
  EXPECT_EQ(ToString(MacOf(At("172.17.0.2"))), "02:42:ac:11:00:02");
  EXPECT_NE(MacOf(At("fd00::2")), MacOf(At("fd00::3")));
}

TEST(EndpointIdTest, IsOfBothIdsAndItsOwn) {
  const std::string network = std::string(62, '0') + "f3";
  const std::string container = std::string(62, 'a') + "0f";
  const std::string id = EndpointId(network, container);
  EXPECT_EQ(id, std::string(62, 'a') + "fc");
  EXPECT_NE(EndpointId(container, std::string(64, '1')), id);
  EXPECT_EQ(EndpointId("", container), "") << "it does not run";
  EXPECT_EQ(EndpointId(network, std::string(64, 'x')), "");
}

}  // namespace
}  // namespace hoy::net
