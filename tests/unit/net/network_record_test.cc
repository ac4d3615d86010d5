#include "net/state/network_record.h"

#include <gtest/gtest.h>

namespace hoy::net {
namespace {

const std::string kId = "0123456789ab" + std::string(52, 'c');

UsedSubnets Taken(std::initializer_list<const char*> texts) {
  UsedSubnets used;
  for (const char* text : texts) used.taken.push_back(*Subnet::Parse(text));
  return used;
}

TEST(NetworkRecord, IsReadBackAsItWasWritten) {
  NetworkRecord record{.id = kId,
                       .name = "web",
                       .pools = {{*Subnet::Parse("10.1.0.0/16"), *IpAddress::Parse("10.1.0.254"),
                                  *Subnet::Parse("10.1.4.0/24")},
                                 {*Subnet::Parse("fd00::/64"), *IpAddress::Parse("fd00::1"), {}}},
                       .ipv6 = true,
                       .internal = true,
                       .options = {{"mtu", "1400"}},
                       .labels = {{"a", ""}, {"b", "c=d"}},
                       .created = 1234567890123456789};
  EXPECT_EQ(DecodeNetwork(EncodeNetwork(record)).value(), record);
  EXPECT_EQ(record.Bridge(), "hoy-0123456789a");
}

TEST(NetworkRecord, DamageIsSaid) {
  std::string good = EncodeNetwork(*PlanNetwork({.name = "web"}, kId, {}));
  ASSERT_TRUE(DecodeNetwork(good));
  std::string bad_subnet = good;
  bad_subnet.replace(bad_subnet.find("172.17.0.0/16"), 13, "172.17.0.1/16");
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{}"),
                                  good.substr(0, good.size() / 2), bad_subnet}) {
    auto record = DecodeNetwork(text);
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().kind, ErrorKind::kCorrupt) << text;
  }
}

TEST(ChooseSubnet, TakesDockersPoolsInOrderAndSkipsWhatIsUsed) {
  EXPECT_EQ(ChooseSubnet({})->ToString(), "172.17.0.0/16");
  EXPECT_EQ(ChooseSubnet(Taken({"172.17.0.0/16", "172.18.4.0/24"}))->ToString(), "172.19.0.0/16");
  EXPECT_EQ(ChooseSubnet(Taken({"172.16.0.0/12"}))->ToString(), "192.168.0.0/20");
  EXPECT_EQ(ChooseSubnet(Taken({"172.16.0.0/12", "192.168.1.0/24"}))->ToString(),
            "192.168.16.0/20");
  EXPECT_FALSE(ChooseSubnet(Taken({"172.16.0.0/12", "192.168.0.0/16"})));
}

// Routes of the host: by a gateway, or a wire of its own.
UsedSubnets Routed(std::initializer_list<std::pair<const char*, bool>> routes) {
  UsedSubnets used;
  for (const auto& [text, by_a_gateway] : routes) {
    used.AddRoute(*Subnet::Parse(text), by_a_gateway);
  }
  return used;
}

TEST(ChooseSubnet, AvoidsWhatRoutesLeadToAndNotTheRestOfTheWorld) {
  EXPECT_EQ(ChooseSubnet(Routed({{"0.0.0.0/1", true}, {"128.0.0.0/1", true}}))->ToString(),
            "172.17.0.0/16");
  EXPECT_EQ(ChooseSubnet(Routed({{"128.0.0.0/1", false}, {"172.0.0.0/7", true}}))->ToString(),
            "172.17.0.0/16");
  EXPECT_EQ(ChooseSubnet(Routed({{"172.0.0.0/8", true}}))->ToString(), "192.168.0.0/20");
  EXPECT_EQ(ChooseSubnet(Routed({{"172.17.0.0/16", true}, {"172.18.9.0/24", false}}))->ToString(),
            "172.19.0.0/16");
}

TEST(PlanNetwork, WhatWasAskedForMayBePartOfWhatIsBehindAGateway) {
  const UsedSubnets used = Routed({{"0.0.0.0/1", true},
                                   {"10.0.0.0/8", true},
                                   {"10.7.0.0/24", true},
                                   {"10.8.0.0/24", false},
                                   {"fc00::/7", true},
                                   {"fd00:8::/32", true},
                                   {"fd00:9::/48", false}});
  const std::pair<const char*, const char*> cases[] = {
      {"10.50.0.0/24", ""},
      {"11.0.0.0/9", ""},
      {"10.0.0.0/8", "overlaps with 10.8.0.0/24"},
      {"10.7.0.0/24", "overlaps with 10.7.0.0/24"},
      {"10.7.0.0/25", ""},
      {"10.6.0.0/15", "overlaps with 10.7.0.0/24"},
      {"10.8.0.0/25", "overlaps with 10.8.0.0/24"},
      {"fd00:7::/64", ""},
      {"fd00:8:1::/64", ""},
      {"fd00:9:0:1::/64", "overlaps with fd00:9::/48"},
  };
  for (const auto& [subnet, says] : cases) {
    auto record = PlanNetwork({.name = "web", .subnets = {subnet}}, kId, used);
    EXPECT_EQ(record.has_value(), *says == '\0') << subnet;
    if (record) continue;
    EXPECT_NE(record.error().message.find(says), std::string::npos) << record.error().message;
  }
}

TEST(PlanNetwork, FillsInWhatWasNotAskedFor) {
  auto record = PlanNetwork({.name = "web", .ipv6 = true}, kId, Taken({"172.17.0.0/16"}));
  ASSERT_TRUE(record) << record.error().message;
  ASSERT_EQ(record->pools.size(), 2u);
  EXPECT_EQ(record->pools[0].subnet.ToString(), "172.18.0.0/16");
  EXPECT_EQ(record->pools[0].gateway.ToString(), "172.18.0.1");
  EXPECT_EQ(record->pools[1].subnet.ToString(), "fd01:2345:6789::/64");
  EXPECT_EQ(record->pools[1].gateway.ToString(), "fd01:2345:6789::1");
}

TEST(PlanNetwork, TakesWhatWasAskedFor) {
  auto record = PlanNetwork({.name = "web",
                             .subnets = {"fd00:5::/64", "10.5.0.0/24"},
                             .gateways = {"10.5.0.254"},
                             .ip_ranges = {"10.5.0.128/25"}},
                            kId, {});
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_TRUE(record->ipv6);
  EXPECT_EQ(record->pools[0].gateway.ToString(), "fd00:5::1");
  EXPECT_EQ(record->pools[1].gateway.ToString(), "10.5.0.254");
  EXPECT_EQ(record->pools[1].ip_range->ToString(), "10.5.0.128/25");
}

TEST(PlanNetwork, RefusesWhatMakesNoSense) {
  struct Case {
    NetworkRequest request;
    ErrorKind kind;
    const char* message;
  };
  const Case cases[] = {
      {{.name = "a/b"}, ErrorKind::kInvalidArgument, "network name 'a/b'"},
      {{.name = "host"}, ErrorKind::kInvalidArgument, "reserved"},
      {{.name = "web", .driver = "overlay"},
       ErrorKind::kUnsupported,
       "one of bridge, macvlan, ipvlan"},
      {{.name = "web", .subnets = {"10.0.0.1/24"}}, ErrorKind::kInvalidArgument, "10.0.0.1/24"},
      {{.name = "web", .subnets = {"10.0.0.0/31"}}, ErrorKind::kInvalidArgument, "no room"},
      {{.name = "web", .subnets = {"10.1.0.0/24", "10.2.0.0/24"}},
       ErrorKind::kInvalidArgument,
       "one of each family"},
      {{.name = "web", .subnets = {"172.30.1.0/24"}},
       ErrorKind::kConflict,
       "subnet 172.30.1.0/24 overlaps with 172.30.0.0/16, which is in use"},
      {{.name = "web", .subnets = {"10.1.0.0/24"}, .gateways = {"10.2.0.1"}},
       ErrorKind::kInvalidArgument,
       "gateway 10.2.0.1"},
      {{.name = "web", .subnets = {"10.1.0.0/24"}, .gateways = {"10.1.0.255"}},
       ErrorKind::kInvalidArgument,
       "gateway 10.1.0.255"},
      {{.name = "web", .subnets = {"10.1.0.0/24"}, .ip_ranges = {"10.1.0.0/23"}},
       ErrorKind::kInvalidArgument,
       "ip range 10.1.0.0/23"},
  };
  for (const Case& one : cases) {
    auto record = PlanNetwork(one.request, kId, Taken({"172.30.0.0/16"}));
    ASSERT_FALSE(record) << one.message;
    EXPECT_EQ(record.error().kind, one.kind) << one.message;
    EXPECT_NE(record.error().message.find(one.message), std::string::npos)
        << record.error().message;
  }
}

}  // namespace
}  // namespace hoy::net
