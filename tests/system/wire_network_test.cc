// Networks beside the host: containers on the wire of one of its links.

#include <optional>

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class WireNetwork : public NetworkSandbox {
 protected:
  void SetUp() override {
    NetworkSandbox::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    other_.emplace("wire", "203.0.113.1/24", "203.0.113.2/24");
    RunOk({"network", "create", "-d", "macvlan", "--subnet", "203.0.113.0/24", "--gateway",
           "203.0.113.2", "--ip-range", "203.0.113.64/28", "-o", "parent=wire", "lan"});
  }
  std::string In(const std::string& container, const std::string& script) const {
    return Run({"exec", container, "sh", "-c", script}).out;
  }

  std::optional<OtherHost> other_;
};

TEST_F(WireNetwork, ContainersAreOnTheWire) {
  StartSleeper({"--name", "one", "--network", "lan", "--mac-address", "02:00:00:00:00:07"});
  StartSleeper({"--name", "two", "--network", "lan"});
  EXPECT_EQ(NetworkField("one", "lan", "IPAddress"), "203.0.113.64");
  EXPECT_EQ(NetworkField("one", "lan", "MacAddress"), "02:00:00:00:00:07");
  EXPECT_EQ(NetworkField("two", "lan", "Gateway"), "203.0.113.2");
  EXPECT_NE(In("one", "ip route").find("default via 203.0.113.2 dev eth0"), std::string::npos);
  // Both ways, and by the names that members have.
  EXPECT_EQ(In("one", "until ping -c 1 -W 3 203.0.113.2 >/dev/null; do :; done; echo reached"),
            "reached\n");
  EXPECT_EQ(
      other_->Run("until busybox ping -c 1 -W 3 203.0.113.64 >/dev/null; do :; done; echo reached")
          .out,
      "reached\n");
  EXPECT_EQ(In("one", "until ping -c 1 -W 3 two >/dev/null; do :; done; echo reached"),
            "reached\n");
  const Json shown = Json::parse(RunOk({"network", "inspect", "lan"}))[0];
  EXPECT_EQ(shown["Driver"], "macvlan");
  EXPECT_EQ(shown["Options"]["parent"], "wire");
  EXPECT_EQ(shown["NetworkInterface"], "wire");
  EXPECT_EQ(shown["Containers"].size(), 2u);
  EXPECT_EQ(RunOk({"network", "ls", "-f", "driver=macvlan", "--format", "{{.Name}}"}), "lan");
  EXPECT_EQ(Run({"network", "rm", "lan"}).code, 125);
  RunOk({"rm", "-f", "one", "two"});
  EXPECT_TRUE(Leases("lan").empty());
  EXPECT_EQ(RunOk({"network", "rm", "lan"}), "lan");
  EXPECT_NE(Host("ip link show wire").out, "");
}

TEST_F(WireNetwork, ByWhichNetworkAnswersLeaveIsTold) {
  RunOk({"network", "create", "app"});
  const std::string told =
      "-p: answers to the world leave by network 'lan', whose driver is macvlan: name 'app' first";
  Output output = Run({"run", "-d", "--name", "one", "--network", "lan", "--network", "app", "-p",
                       "8080:80", Busybox(), "sleep", "3600"});
  EXPECT_EQ(output.code, 0);
  EXPECT_NE(output.err.find(told), std::string::npos) << output;
  output = Run({"run", "-d", "--name", "two", "--network", "app", "--network", "lan", "-p",
                "8081:80", Busybox(), "sleep", "3600"});
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.err, "");
  output = Run({"run", "-d", "--name", "none", "--network", "lan", "--network", "app", Busybox(),
                "sleep", "3600"});
  EXPECT_EQ(output.err, "") << "it publishes nothing";
  // As it comes to be so.
  output = Run({"network", "disconnect", "app", "two"});
  EXPECT_EQ(output.err, "") << "then none of its ports is reached";
  output = Run({"network", "connect", "app", "two"});
  EXPECT_EQ(output.code, 0);
  EXPECT_NE(output.err.find(told), std::string::npos) << output;
}

TEST_F(WireNetwork, ARunningContainerComesAndGoes) {
  StartSleeper({"--name", "one", "-p", "80"});
  RunOk({"network", "connect", "--ip", "203.0.113.70", "lan", "one"});
  EXPECT_EQ(In("one", "until ping -c 1 -W 3 203.0.113.2 >/dev/null; do :; done; echo reached"),
            "reached\n");
  EXPECT_EQ(NetworkField("one", "lan", "IPAddress"), "203.0.113.70");
  RunOk({"restart", "-t", "0", "one"});
  EXPECT_EQ(NetworkField("one", "lan", "IPAddress"), "203.0.113.70");
  // Its port leads to the address that is behind the host.
  EXPECT_NE(Host("nft list map inet hoy ports4").out.find(" : 172.17.0."), std::string::npos);
  // Whatever the container calls it.
  Host("nsenter -t " + RunOk({"inspect", "--format", "{{.State.Pid}}", "one"}) +
       " -n sh -c 'ip link set eth1 down; ip link set eth1 name mine'");
  EXPECT_EQ(In("one", "ls /sys/class/net | grep -c mine"), "1\n");
  RunOk({"network", "disconnect", "lan", "one"});
  EXPECT_EQ(In("one", "ls /sys/class/net | grep -c mine"), "0\n");
  EXPECT_TRUE(Leases("lan").empty());
}

TEST_F(WireNetwork, TheAddressesOfTheParentAreItsOwn) {
  Host("ip addr add 203.0.113.64/24 dev wire; ip -6 addr add fd00:5::2/64 dev wire nodad");
  RunOk({"network", "create", "-d", "macvlan", "--ipv6", "--subnet", "fd00:5::/64", "--subnet",
         "10.9.0.0/24", "-o", "parent=wire", "six"});
  StartSleeper({"--name", "one", "--network", "lan", "--network", "six"});
  EXPECT_EQ(NetworkField("one", "lan", "IPAddress"), "203.0.113.65");
  EXPECT_EQ(NetworkField("one", "six", "GlobalIPv6Address"), "fd00:5::3");
  const std::pair<const char*, const char*> own[] = {{"--ip", "203.0.113.1"},
                                                     {"--ip6", "fd00:5::2"}};
  for (const auto& [flag, address] : own) {
    const std::string network = flag == std::string("--ip") ? "lan" : "six";
    const Output output = RunShell("true", {"--network", network, flag, address});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(address + std::string(" is that of parent wire on the host")),
              std::string::npos)
        << output;
  }
}

TEST_F(WireNetwork, TheHostHasNoNameWhereItIsNotReached) {
  const std::string says = "network 'lan' is beside the host: there is no way to the host";
  const Output refused = RunShell("true", {"--network", "lan", "--add-host", "up:host-gateway"});
  EXPECT_EQ(refused.code, 125);
  EXPECT_NE(refused.err.find(says), std::string::npos) << refused;
  EXPECT_TRUE(Leases("lan").empty());
  StartSleeper({"--name", "one", "--network", "none", "--add-host", "up:host-gateway"});
  const Output late = Run({"network", "connect", "lan", "one"});
  EXPECT_EQ(late.code, 125);
  EXPECT_NE(late.err.find(says), std::string::npos) << late;
  EXPECT_TRUE(Leases("lan").empty());
  EXPECT_EQ(In("one", "ls /sys/class/net"), "lo\n");
  // A second network that leads there is enough.
  RunOk({"network", "connect", "bridge", "one"});
  RunOk({"network", "connect", "lan", "one"});
  EXPECT_EQ(In("one", "grep up$ /etc/hosts"), "172.17.0.1\tup\n");
  EXPECT_EQ(RunShell("grep up$ /etc/hosts",
                     {"--network", "lan", "--network", "bridge", "--add-host", "up:host-gateway"})
                .out,
            "172.17.0.1\tup\n");
}

TEST_F(WireNetwork, WhatCannotBeIsSaid) {
  struct Case {
    std::vector<std::string> arguments;
    const char* says;
  };
  const std::vector<Case> cases = {
      {{"network", "create", "-d", "macvlan", "more"}, "which link of the host"},
      {{"network", "create", "-d", "ipvlan", "--internal", "-o", "parent=wire", "more"},
       "--internal: driver ipvlan has its containers on the wire"},
      {{"network", "create", "-d", "macvlan", "-o", "parent=nowhere", "more"},
       "parent nowhere: the host has no such link"},
      {{"network", "create", "-d", "ipvlan", "-o", "parent=wire", "more"},
       "parent wire is that of network 'lan', with another driver"},
      {{"network", "create", "-d", "macvlan", "-o", "parent=wire", "--subnet", "203.0.113.0/25",
        "more"},
       "overlaps with 203.0.113.0/24"},
      {{"run", "--rm", "--network", "lan", "-p", "8080:80", Busybox(), "true"},
       "network 'lan' is beside the host"},
      {{"run", "--rm", "--network", "lan", "--ip", "203.0.113.2", Busybox(), "true"}, "is in use"},
      {{"run", "--rm", "--network", "lan", "--mac-address", "02:00:00:00:00:99", Busybox(), "true"},
       "MAC address 02:00:00:00:00:99 is in use on wire by a link that is not of this hoy's"},
  };
  Host(
      "ip link add others link wire address 02:00:00:00:00:99 type macvlan mode bridge &&"
      "ip link set others up");
  for (const Case& one : cases) {
    const Output output = Run(one.arguments);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(one.says), std::string::npos) << one.says << "\n" << output;
  }
  Host("ip link del others; ip link set wire down");
  const Output down = RunShell("true", {"--network", "lan"});
  EXPECT_EQ(down.code, 125);
  EXPECT_NE(down.err.find("parent wire is down"), std::string::npos) << down;
  Host("ip link add br0 type bridge; ip link set wire up");
  // The namespaces of the starts above may take a moment to let go of it.
  EXPECT_TRUE(Eventually([] { return Host("ip link set wire master br0").code == 0; }));
  const Output busy = RunShell("true", {"--network", "lan"});
  EXPECT_NE(busy.err.find("parent wire is in use by another driver"), std::string::npos) << busy;
  EXPECT_TRUE(Leases("lan").empty());
}

}  // namespace
}  // namespace hoy::test
