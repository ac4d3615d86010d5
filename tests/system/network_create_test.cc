// What networks are made of: their subnets beside what the host has, their addresses, options, and
// what inspect and ps tell of them.

#include <fmt/core.h>

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class NetworkCreate : public NetworkSandbox {
 protected:
  std::string Start(const std::string& name, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"--name", name});
    return StartSleeper(std::move(options));
  }
  std::string In(const std::string& container, const std::string& script) const {
    return Run({"exec", container, "sh", "-c", script}).out;
  }
  std::string Reach(const std::string& address, const std::string& network) const {
    return RunShell("ping -c 1 -W 30 " + address + " >/dev/null && echo reached",
                    {"--network", network})
        .out;
  }
  static void MustDo(const std::string& script) {
    const Output done = Host(script);
    ASSERT_EQ(done.code, 0) << done;
  }
};

TEST_F(NetworkCreate, UnderAVpn) {
  // As OpenVPN's "redirect-gateway def1" leaves it, and a push of fc00::/7.
  MustDo(
      "ip link add tun type bridge && ip link set tun up && ip addr add 10.8.0.2/24 dev tun &&"
      "ip route add 0.0.0.0/1 via 10.8.0.1 && ip route add 128.0.0.0/1 via 10.8.0.1 &&"
      "ip addr add fd77::2/64 dev tun nodad && ip route add fc00::/7 via fd77::1");
  EXPECT_EQ(RunShell("hostname -i").out, "172.17.0.2\n");
  RunOk({"network", "create", "--subnet", "10.50.0.0/24", "app"});
  EXPECT_EQ(Reach("10.50.0.1", "app"), "reached\n");
  RunOk({"network", "create", "--ipv6", "--subnet", "fd00:9::/64", "six"});
  EXPECT_EQ(Reach("fd00:9::1", "six"), "reached\n");
  for (const char* wire : {"10.8.0.0/25", "fd77::/72"}) {
    const Output bad = Run({"network", "create", "--subnet", wire, "bad"});
    EXPECT_EQ(bad.code, 125) << wire;
    EXPECT_NE(bad.err.find("overlaps with"), std::string::npos) << bad;
  }
}

TEST_F(NetworkCreate, ExhaustedPools) {
  MustDo(
      "ip link add wide type bridge && ip link set wide up &&"
      "ip route add 172.16.0.0/12 dev wide && ip route add 192.168.0.0/16 dev wide");
  const Output none = RunShell("true");
  EXPECT_EQ(none.code, 125);
  EXPECT_NE(none.err.find("network 'bridge': no subnet is free"), std::string::npos) << none;
  EXPECT_NE(none.err.find("hoy network create --subnet 10.9.0.0/24 bridge"), std::string::npos)
      << none;
  const Output more = Run({"network", "create", "more"});
  EXPECT_EQ(more.code, 125);
  EXPECT_NE(more.err.find("with --subnet"), std::string::npos) << more;
  RunOk({"network", "create", "--subnet", "10.9.0.0/24", "app"});
  EXPECT_EQ(Reach("10.9.0.1", "app"), "reached\n");
  EXPECT_EQ(RunOk({"network", "ls", "--format", "{{.Name}}"}), "app\nhost\nnone");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--internal"}, {"-d", "macvlan", "-o", "parent=wide"}}) {
    std::vector<std::string> arguments = {"network", "create", "--subnet", "10.10.0.0/24"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    arguments.emplace_back("bridge");
    const Output refused = Run(arguments);
    EXPECT_EQ(refused.code, 125) << refused;
    EXPECT_NE(refused.err.find("the default network is one of driver bridge"), std::string::npos)
        << refused;
  }
  RunOk({"network", "create", "--subnet", "10.10.0.0/24", "bridge"});
  EXPECT_EQ(RunShell("hostname -i").out, "10.10.0.2\n");
  EXPECT_EQ(Run({"network", "create", "--subnet", "10.11.0.0/24", "bridge"}).code, 125);
  RunOk({"network", "create", "--ignore", "bridge"});
}

TEST_F(NetworkCreate, ANameThatIsTakenIsSaidOrPassedOver) {
  std::vector<std::string> create = {"network", "create", "--subnet", "10.1.0.0/24", "app"};
  const std::string id = RunOk(create);
  const Output again = Run(create);
  EXPECT_EQ(again.code, 125);
  EXPECT_NE(again.err.find("network 'app' exists already"), std::string::npos) << again;
  create.emplace_back("--ignore");
  EXPECT_EQ(RunOk(create), "app");
  EXPECT_EQ(RunOk({"network", "inspect", "-f", "{{.Id}}", "app"}), id);
}

TEST_F(NetworkCreate, InspectAndPsTellNetworks) {
  RunOk({"network", "create", "--subnet", "10.1.0.0/24", "app"});
  RunOk({"network", "create", "--subnet", "10.2.0.0/24", "more"});
  const std::string id = Start("web", {"--network", "app:alias=first", "--network-alias", "second",
                                       "--ip", "10.1.0.9", "--network", "more"});
  Start("plain");
  const auto ps = [&](const std::string& name) {
    return RunOk({"ps", "-a", "-f", "name=^" + name + "$", "--format", "{{.Networks}}"});
  };
  Json web = Inspect("web")["NetworkSettings"]["Networks"];
  EXPECT_EQ(web["app"]["Aliases"], Json({"first", "second"}));
  EXPECT_EQ(web["app"]["DNSNames"], Json({"web", id.substr(0, 12), "first", "second"}));
  EXPECT_EQ(web["app"]["IPAMConfig"], Json({{"IPv4Address", "10.1.0.9"}}));
  EXPECT_EQ(web["app"]["IPAddress"], "10.1.0.9");
  EXPECT_EQ(web["app"]["Gateway"], "10.1.0.1");
  EXPECT_EQ(web["more"]["IPAMConfig"], Json());
  EXPECT_EQ(web["more"]["Aliases"], Json());
  EXPECT_EQ(web["more"]["DNSNames"], Json({"web", id.substr(0, 12)}));
  EXPECT_EQ(ps("web"), "app,more");
  const Json plain = Inspect("plain")["NetworkSettings"]["Networks"];
  EXPECT_EQ(plain["bridge"]["Aliases"], Json());
  EXPECT_EQ(plain["bridge"]["DNSNames"], Json());

  RunOk({"stop", "-t", "0", "web"});
  const Json stopped = Inspect("web")["NetworkSettings"]["Networks"];
  ASSERT_EQ(stopped.size(), 2u) << stopped;
  for (const char* network : {"app", "more"}) {
    EXPECT_EQ(stopped[network]["IPAddress"], "");
    EXPECT_EQ(stopped[network]["EndpointID"], "");
    EXPECT_EQ(stopped[network]["NetworkID"], web[network]["NetworkID"]);
    EXPECT_EQ(stopped[network]["NetworkID"].get<std::string>().size(), 64u);
  }
  // Those that are only words.
  for (const std::string word : {"host", "none"}) {
    Start("by-" + word, {"--network", word});
    for (const bool runs : {true, false}) {
      if (!runs) RunOk({"stop", "-t", "0", "by-" + word});
      const Json networks = Inspect("by-" + word)["NetworkSettings"]["Networks"];
      ASSERT_EQ(networks.size(), 1u) << networks;
      EXPECT_EQ(networks[word]["NetworkID"], RunOk({"network", "inspect", "-f", "{{.Id}}", word}));
      EXPECT_EQ(networks[word]["IPAddress"], "");
      EXPECT_EQ(networks[word]["EndpointID"], "");
      EXPECT_EQ(networks[word]["MacAddress"], "");
    }
    EXPECT_EQ(ps("by-" + word), word);
  }
  Start("joined", {"--network", "container:plain"});
  EXPECT_EQ(Inspect("joined")["NetworkSettings"]["Networks"], Json::object());
}

TEST_F(NetworkCreate, AFullNetwork) {
  RunOk({"network", "create", "--subnet", "10.9.0.0/29", "tiny"});
  for (int i = 1; i <= 5; ++i) Start(fmt::format("c{}", i), {"--network", "tiny"});
  const auto refused = [&](const std::vector<std::string>& options, const std::string& says) {
    const Output output = RunShell("true", options);
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(says), std::string::npos) << output;
    const size_t named = output.err.find("network 'tiny'");
    EXPECT_NE(named, std::string::npos) << output;
    EXPECT_EQ(output.err.find("network 'tiny'", named + 1), std::string::npos) << output;
  };
  refused({"--network", "tiny"}, "no free address in 10.9.0.0/29");
  refused({"--network", "tiny", "--ip", "10.9.0.1"}, "address 10.9.0.1 is in use");
  refused({"--network", "tiny", "--ip6", "fd00::9"}, "address fd00::9: there is no IPv6 subnet");
  EXPECT_EQ(Leases("tiny").size(), 5u);
  // Who has the last address may still be there when it is given out again.
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "c3"});
  Background holder(Command{.argv = {"nsenter", "-t", pid, "-n", "sh", "-c", "echo in; read x"}});
  ASSERT_TRUE(holder.WaitForOut("in"));
  RunOk({"rm", "-f", "c3"});
  EXPECT_EQ(RunShell("hostname -i", {"--network", "tiny"}).out, "10.9.0.4\n");
  EXPECT_EQ(Leases("tiny").size(), 4u);
}

TEST_F(NetworkCreate, Isolate) {
  RunOk({"network", "create", "--subnet", "10.1.0.0/24", "-o", "isolate=true", "one"});
  RunOk({"network", "create", "--subnet", "10.2.0.0/24", "-o", "isolate=strict", "two"});
  Start("web", {"--network", "one"});
  Start("db", {"--network", "two"});
  RunOk({"exec", "-d", "db", "nc", "-ll", "-p", "80", "-e", "echo", "here"});
  ASSERT_TRUE(Eventually([&] { return Has(In("db", "netstat -ltn"), ":80 "); }));
  EXPECT_EQ(In("web", "echo | nc -w 1 10.2.0.2 80"), "");
  RunOk({"network", "connect", "two", "web"});
  EXPECT_EQ(In("web", "echo | nc -w 60 10.2.0.2 80"), "here\n");
  const Output no = Run({"network", "create", "-o", "isolate=false", "open"});
  EXPECT_EQ(no.code, 125);
  EXPECT_NE(no.err.find("'isolate=false'"), std::string::npos) << no;
  EXPECT_NE(no.err.find("hoy network connect puts one container on both"), std::string::npos) << no;
}

TEST_F(NetworkCreate, MtuGatewayAndRange) {
  RunOk({"network", "create", "-o", "mtu=1400", "--subnet", "10.5.0.0/24", "--gateway",
         "10.5.0.254", "--ip-range", "10.5.0.128/25", "app"});
  Start("web", {"--network", "app"});
  EXPECT_EQ(In("web", "cat /sys/class/net/eth0/mtu"), "1400\n");
  EXPECT_EQ(NetworkField("web", "app", "IPAddress"), "10.5.0.128");
  EXPECT_NE(In("web", "ip route").find("default via 10.5.0.254 dev eth0"), std::string::npos);
  EXPECT_EQ(In("web", "ping -c 1 -W 30 10.5.0.254 >/dev/null && echo reached"), "reached\n");
  const Json app = Json::parse(RunOk({"network", "inspect", "app"}))[0];
  EXPECT_EQ(app["IPAM"]["Config"][0]["Gateway"], "10.5.0.254");
  EXPECT_EQ(app["IPAM"]["Config"][0]["IPRange"], "10.5.0.128/25");
  EXPECT_EQ(app["Options"]["mtu"], "1400");
  const auto bridge = app["NetworkInterface"].get<std::string>();
  for (const std::string& link : {"dev " + bridge, "master " + bridge}) {
    const Json shown = Json::parse(Host("ip -j link show " + link).out);
    ASSERT_EQ(shown.size(), 1u) << link;
    EXPECT_EQ(shown[0]["mtu"], 1400) << link;
  }
  EXPECT_EQ(RunShell("hostname -i", {"--network", "app", "--ip", "10.5.0.7"}).out, "10.5.0.7\n")
      << "by hand outside of the range";
}

TEST_F(NetworkCreate, AnAttachmentInOneWord) {
  RunOk(
      {"network", "create", "--ipv6", "--subnet", "10.3.0.0/24", "--subnet", "fd00:3::/64", "six"});
  Start("one", {"--network", "six:ip=10.3.0.5,ip6=fd00:3::5,mac=02:00:00:00:00:05,alias=db"});
  Start("two", {"--network", "six"});
  const std::string addresses = In("one", "ip -o addr show dev eth0");
  EXPECT_TRUE(Has(addresses, "10.3.0.5/24") && Has(addresses, "fd00:3::5/64")) << addresses;
  EXPECT_EQ(In("one", "cat /sys/class/net/eth0/address"), "02:00:00:00:00:05\n");
  EXPECT_EQ(In("two", "ping -c 1 -W 30 db >/dev/null && echo reached"), "reached\n");
  for (const char* taken : {"ip=10.3.0.5", "ip6=fd00:3::5", "mac=02:00:00:00:00:05"}) {
    const Output output = RunShell("true", {"--network", fmt::format("six:{}", taken)});
    EXPECT_EQ(output.code, 125) << taken;
    EXPECT_NE(output.err.find("in use by container 'one'"), std::string::npos) << output;
  }
  EXPECT_EQ(Leases("six").size(), 4u);
}

}  // namespace
}  // namespace hoy::test
