#include "net/attach/network_options.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "net/attach/parent_link.h"
#include "tests/unit/net/private_network.h"

namespace hoy::net {
namespace {

NetworkRecord Network(std::string name, std::string driver, core::StringPairs options) {
  NetworkRecord record;
  record.id = std::string(64, name[0]);
  record.name = std::move(name);
  record.driver = std::move(driver);
  record.options = std::move(options);
  return record;
}

TEST(DriverOptions, EachDriverHasItsOwn) {
  struct Case {
    const char* driver;
    core::StringPairs options;
    const char* says;  // nullptr: fine
  };
  const Case cases[] = {
      {"bridge", {}, nullptr},
      {"bridge", {{"mtu", "1400"}, {"vlan", "4094"}, {"isolate", "strict"}}, nullptr},
      {"bridge", {{"com.docker.network.driver.mtu", "1400"}}, nullptr},
      {"bridge", {{"mtu", "67"}}, "68 to 65535"},
      {"bridge", {{"vlan", "0"}}, "1 to 4094"},
      {"bridge", {{"vlan", "4095"}}, "1 to 4094"},
      {"bridge", {{"isolate", "false"}}, "true or strict"},
      {"bridge", {{"parent", "eth0"}}, "driver bridge has mtu, vlan, isolate"},
      {"bridge", {{"mode", "l2"}}, "driver bridge has"},
      {"macvlan", {{"parent", "eth0"}}, nullptr},
      {"macvlan", {{"parent", "eth0.50"}, {"macvlan_mode", "vepa"}, {"mtu", "1400"}}, nullptr},
      {"macvlan", {{"parent", "eth0"}, {"mode", "l2"}}, "one of bridge, private, vepa, passthru"},
      {"macvlan", {{"parent", "a-name-too-long-for-it"}}, "not the name of a link"},
      {"macvlan", {}, "which link of the host"},
      {"macvlan", {{"vlan", "5"}}, "driver macvlan has mtu, parent, mode"},
      {"ipvlan", {{"parent", "eth0"}, {"ipvlan_mode", "l3s"}}, nullptr},
      {"ipvlan", {{"parent", "eth0"}, {"mode", "bridge"}}, "one of l2, l3, l3s"},
      {"ipvlan", {{"parent", "eth0"}, {"macvlan_mode", "bridge"}}, "driver ipvlan has"},
      {"ipvlan", {{"parent", "eth0"}, {"ipvlan_flag", "vepa"}}, nullptr},
      {"ipvlan", {{"parent", "eth0"}, {"ipvlan_flag", "l2"}}, "one of bridge, private, vepa"},
      {"macvlan", {{"parent", "eth0"}, {"ipvlan_flag", "vepa"}}, "driver macvlan has"},
  };
  for (const Case& one : cases) {
    auto checked = CheckOptions(one.driver, one.options);
    const std::string said = checked ? "" : checked.error().message;
    EXPECT_EQ(checked.has_value(), one.says == nullptr) << one.driver << ": " << said;
    EXPECT_NE(said.find(one.says != nullptr ? one.says : ""), std::string::npos) << said;
  }
}

TEST(DriverOptions, ValuesAreFoundUnderEachName) {
  NetworkRecord lan = Network("lan", "macvlan", {{"parent", "eth0.50"}, {"mtu", "1400"}});
  EXPECT_FALSE(HasBridge(lan));
  EXPECT_EQ(ParentOf(lan), "eth0.50");
  EXPECT_EQ(MtuOf(lan), 1400);
  EXPECT_EQ(ModeOf(lan), uint32_t{MACVLAN_MODE_BRIDGE});
  lan.options.emplace_back("macvlan_mode", "passthru");
  EXPECT_EQ(ModeOf(lan), uint32_t{MACVLAN_MODE_PASSTHRU});
  EXPECT_EQ(ModeOf(Network("ip", "ipvlan", {{"mode", "l3"}})), uint32_t{IPVLAN_MODE_L3});
  EXPECT_EQ(IpvlanFlagOf(Network("ip", "ipvlan", {{"mode", "l3"}})), 0);
  EXPECT_EQ(IpvlanFlagOf(Network("ip", "ipvlan", {{"ipvlan_flag", "private"}})), IPVLAN_F_PRIVATE);
  EXPECT_EQ(IpvlanFlagOf(Network("ip", "ipvlan", {{"ipvlan_flag", "vepa"}})), IPVLAN_F_VEPA);
  const NetworkRecord app = Network("app", "bridge", {{"vlan", "7"}});
  EXPECT_TRUE(HasBridge(app));
  EXPECT_EQ(VlanOf(app), 7);
  EXPECT_EQ(MtuOf(app), 0);
}

TEST(DriverOptions, NamesOfVlans) {
  ASSERT_TRUE(ParseVlanName("eth0.50"));
  EXPECT_EQ(ParseVlanName("eth0.50")->link, "eth0");
  EXPECT_EQ(ParseVlanName("eth0.50")->tag, 50);
  EXPECT_EQ(ParseVlanName("a.b.7")->link, "a.b");
  for (const char* name : {"eth0", "eth0.", ".50", "eth0.0", "eth0.4095", "eth0.x"}) {
    EXPECT_FALSE(ParseVlanName(name)) << name;
  }
}

TEST(DriverOptions, AParentHasOneDriverAndOneMode) {
  const NetworkRecord lan = Network("lan", "macvlan", {{"parent", "eth0"}});
  const NetworkRecord vepa = Network("vepa", "macvlan", {{"parent", "eth0"}, {"mode", "vepa"}});
  const NetworkRecord ip = Network("ip", "ipvlan", {{"parent", "eth0"}});
  const NetworkRecord l3 = Network("l3", "ipvlan", {{"parent", "eth0"}, {"mode", "l3"}});
  const NetworkRecord vlan = Network("vlan", "ipvlan", {{"parent", "eth0.5"}});
  EXPECT_TRUE(CheckSharing(lan, {{vepa, vlan, Network("app", "bridge", {})}}));
  EXPECT_FALSE(CheckSharing(lan, {{ip}}));
  EXPECT_FALSE(CheckSharing(ip, {{l3}}));
  EXPECT_FALSE(
      CheckSharing(ip, {{Network("p", "ipvlan", {{"parent", "eth0"}, {"ipvlan_flag", "vepa"}})}}));
  EXPECT_TRUE(CheckSharing(vlan, {{ip, lan}}));
}

TEST(NetworkOptions, AVlanStandsOnItsLink) {
  EXPECT_TRUE(StandsOn("eth0.50.60", "eth0.50"));
  EXPECT_TRUE(StandsOn("eth0.50.60", "eth0"));
  EXPECT_TRUE(StandsOn("eth0.50", "eth0.50"));
  EXPECT_FALSE(StandsOn("eth0.5", "eth0.50"));
  EXPECT_FALSE(StandsOn("eth0", "eth0.50"));
}

class ParentLink : public PrivateNetwork {};

TEST_F(ParentLink, IsLookedForAndMayBeInOthersHands) {
  RouteSocket host = Rtnetlink();
  Shell("ip link add wire type veth peer name far; ip link set wire up; ip link set far up");
  ExpectOk(CheckParent("wire", host));
  ExpectOk(CheckParent("wire.50", host));
  for (const char* name : {"nothing", "nothing.50", "wire.x"}) {
    EXPECT_FALSE(CheckParent(name, host)) << name;
  }
  const NetworkRecord lan = Network("lan", "macvlan", {{"parent", "wire"}, {"mtu", "1400"}});
  const MacAddress mac = {2, 0, 0, 0, 0, 7};
  ExpectOk(AddDirectLink({"/data", "/run"}, lan, {.name = "eth0", .mac = mac}, host));
  const nlohmann::json link = Ip("link show dev eth0")[0];
  EXPECT_EQ(link["linkinfo"]["info_kind"], "macvlan");
  EXPECT_EQ(link["linkinfo"]["info_data"]["mode"], "bridge");
  EXPECT_EQ(link["link"], "wire");
  EXPECT_EQ(link["mtu"], 1400);
  EXPECT_EQ(link["address"], ToString(mac));
  ExpectOk(host.DeleteLink("eth0"));
  Shell("ip link add br0 type bridge; ip link set wire master br0");
  auto busy = AddDirectLink({"/data", "/run"}, lan, {.name = "eth0", .mac = mac}, host);
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().message, "parent wire is in use by another driver");
  Shell("ip link set wire nomaster; ip link set wire down");
  auto down = AddDirectLink({"/data", "/run"}, lan, {.name = "eth0", .mac = mac}, host);
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().message, "parent wire is down");
  // Not hoy's.
  ExpectOk(ReleaseParent(lan, {}, host));
  ExpectOk(CheckParent("wire", host));
}

}  // namespace
}  // namespace hoy::net
