// The default network, and the ways to share one: containers reach each other, the host and, behind
// the host's address, the world. What they have of a network goes with them, also after a crash.

#include <fmt/core.h>

#include <filesystem>
#include <set>

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class Network : public NetworkSandbox {
 protected:
  std::string Address(const std::string& container) const {
    return NetworkField(container, "bridge", "IPAddress");
  }
  // A container that answers each connection to port 80 with `answer`.
  std::string Serve(const std::string& name, const std::string& answer,
                    std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {"run", "-d", "--name", name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    for (const std::string& text :
         {Busybox(), std::string("nc"), std::string("-ll"), std::string("-p"), std::string("80"),
          std::string("-e"), std::string("sh"), std::string("-c"), "echo " + answer}) {
      arguments.push_back(text);
    }
    return RunOk(arguments);
  }
  // Until somebody listens; then what it says.
  static std::string Ask(const std::function<Output(const std::string&)>& where,
                         const std::string& address) {
    std::string answer;
    Eventually([&] {
      answer = where(fmt::format("echo | busybox nc -w 5 {} 80", address)).out;
      return !answer.empty();
    });
    return answer;
  }
};

TEST_F(Network, TheDefaultOneIsMadeAtItsFirstUse) {
  const Output output = RunShell(
      "ip -o -4 addr show dev eth0; ip route; cat /sys/class/net/eth0/address; cat /etc/hosts;"
      "until ping -c 1 -W 3 172.17.0.1 >/dev/null; do :; done; echo reached; ip -o link show lo",
      {"--hostname", "one"});
  EXPECT_EQ(output.code, 0) << output;
  for (const char* text :
       {"inet 172.17.0.2/16", "default via 172.17.0.1", "02:42:ac:11:00:02", "172.17.0.2\tone\n",
        "172.17.0.1\thost.containers.internal", "reached\n", "LOOPBACK,UP"}) {
    EXPECT_NE(output.out.find(text), std::string::npos) << text << "\n" << output;
  }
  EXPECT_EQ(Host("cat /proc/sys/net/ipv4/ip_forward").out, "1\n");
  EXPECT_TRUE(Leases("bridge").empty());
}

TEST_F(Network, AvoidsWhatTheHostReaches) {
  const Output ready = Host(
      "ip link add other type bridge && ip link set other up &&"
      "ip addr add 172.17.9.1/24 dev other && ip route add 172.18.0.0/16 dev other");
  ASSERT_EQ(ready.code, 0) << ready;
  EXPECT_EQ(RunShell("hostname -i", {"--hostname", "one"}).out, "172.19.0.2\n");
}

TEST_F(Network, ContainersReachEachOtherAndKeepTheirAddresses) {
  const std::string web = Serve("web", "hello");
  const std::string address = Address("web");
  EXPECT_EQ(address, "172.17.0.2");
  EXPECT_EQ(NetworkField("web", "bridge", "Gateway"), "172.17.0.1");
  EXPECT_EQ(NetworkField("web", "bridge", "MacAddress"), "02:42:ac:11:00:02");
  EXPECT_EQ(RunOk({"inspect", "--format",
                   "{{.NetworkSettings.IPAddress}} {{.HostConfig.NetworkMode}}", "web"}),
            address + " bridge");
  EXPECT_EQ(Leases("bridge"), std::vector<std::string>{address});
  EXPECT_EQ(Pairs().size(), 1u);
  auto inside = [&](const std::string& script) { return RunShell(script); };
  EXPECT_EQ(Ask(inside, address), "hello\n");
  EXPECT_EQ(Ask(Host, address), "hello\n");
  // What has ended has none, and gets one again.
  RunOk({"stop", "-t", "0", "web"});
  EXPECT_EQ(Address("web"), "");
  EXPECT_TRUE(Leases("bridge").empty());
  RunOk({"start", "web"});
  EXPECT_EQ(Leases("bridge"), std::vector<std::string>{Address("web")});
  EXPECT_EQ(Ask(Host, Address("web")), "hello\n");
  RunOk({"restart", "-t", "0", "web"});
  EXPECT_EQ(Ask(Host, Address("web")), "hello\n");
  EXPECT_EQ(RunOk({"exec", "web", "hostname", "-i"}), Address("web"));
}

TEST_F(Network, TheWorldSeesTheHostsAddress) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Background server = other.Start("exec busybox nc -ll -p 80 -e busybox netstat -tn");
  auto inside = [&](const std::string& script) { return RunShell(script); };
  const std::string answer = Ask(inside, "203.0.113.2");
  EXPECT_NE(answer.find("203.0.113.1:"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("172.17."), std::string::npos) << answer;
}

TEST_F(Network, AContainerSharesThatOfAnother) {
  EXPECT_EQ(Run({"run", "--rm", "--network", "container:web", Busybox(), "true"}).code, 125);
  const std::string web = Serve("web", "hello");
  const std::string shared = "container:web";
  const Output output =
      RunShell("hostname -i; echo | nc 127.0.0.1 80; ls /sys/class/net", {"--network", shared});
  EXPECT_NE(output.out.find("hello\n"), std::string::npos) << output;
  EXPECT_NE(output.out.find("eth0\n"), std::string::npos) << output;
  EXPECT_EQ(RunShell("cat /etc/hosts", {"--network", shared}).out,
            RunOk({"exec", "web", "cat", "/etc/hosts"}) + "\n");
  RunOk({"create", "--name", "beside", "--network", shared, Busybox(), "true"});
  EXPECT_EQ(RunOk({"inspect", "--format", "{{.HostConfig.NetworkMode}}", "beside"}),
            "container:" + web);
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "web"});
  EXPECT_NE(RunShell("ls /sys/class/net", {"--network", "ns:/proc/" + pid + "/ns/net"})
                .out.find("eth0\n"),
            std::string::npos);
  RunOk({"stop", "-t", "0", "web"});
  const Output alone = Run({"start", "beside"});
  EXPECT_EQ(alone.code, 125) << alone;
  EXPECT_NE(alone.err.find("it is not running"), std::string::npos) << alone;
}

TEST_F(Network, ANamespaceIsJoinedByItsFile) {
  // As `ip netns add` leaves it; on a /run that nobody else has.
  const Output output = HostShell(
      "unshare -m sh -c 'mount -t tmpfs none /run && mkdir /run/netns && ip netns add x && "
      "ip -n x link add made type bridge && "
      "exec $HOY run --rm --network ns:/run/netns/x " +
      Busybox() + " ls /sys/class/net'");
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.out, "lo\nmade\n") << output;
}

TEST_F(Network, WhatACrashLeavesIsFreed) {
  for (const char* point : {"attach-connected", "attach-recorded", "start-spawned"}) {
    SCOPED_TRACE(point);
    Command command = Hoy({"run", "--name", "one", Busybox(), "true"});
    command.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(command).code, 137);
    // Once its plan was sent, the monitor cleans up by itself, at any moment.
    const bool plan_sent = !std::string_view(point).starts_with("attach-");
    EXPECT_TRUE(plan_sent || Leases("bridge").size() == 1u);
    EXPECT_TRUE(Eventually([&] {
      RunOk({"ps", "-a"});
      return Leases("bridge").empty();
    }));
    RunOk({"rm", "-f", "one"});
  }
  // A monitor that is lost: the next one has the network to clean up after.
  RunOk({"run", "-d", "--name", "one", Busybox(), "sleep", "3600"});
  const std::string address = Address("one");
  const Json state = Json::parse(
      ReadFileIfThere(run() + "/containers/" + Inspect("one").value("Id", "") + "/state.json"));
  ASSERT_GT(state.value("monitor_pid", 0), 0);
  ::kill(state.value("monitor_pid", 0), SIGKILL);
  RunOk({"ps", "-a"});
  EXPECT_EQ(Address("one"), address);
  EXPECT_EQ(Leases("bridge"), std::vector<std::string>{address});
  RunOk({"rm", "-f", "one"});
  EXPECT_TRUE(Leases("bridge").empty());
}

TEST_F(Network, WhoMayNotMakeBridgesIsToldWhatToDo) {
  Command command = Hoy({"run", "--rm", Busybox(), "echo", "never"});
  command.argv.insert(command.argv.begin(), {"setpriv", "--bounding-set", "-net_admin"});
  const Output output = RunCommand(command);
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_EQ(output.out, "");
  EXPECT_NE(output.err.find("or use --network host"), std::string::npos) << output;
}

TEST_F(Network, ManyAtOnceLoseNoAddress) {
  constexpr int kContainers = 12;
  std::vector<Background> starting;
  for (int i = 0; i < kContainers; ++i) {
    starting.emplace_back(
        Hoy({"run", "-d", "--name", fmt::format("c{}", i), Busybox(), "sleep", "3600"}));
  }
  for (Background& one : starting) {
    const Output output = one.Finish();
    EXPECT_EQ(output.code, 0) << output;
  }
  std::set<std::string> addresses;
  std::vector<std::string> remove = {"rm", "-f"};
  for (int i = 0; i < kContainers; ++i) {
    addresses.insert(Address(fmt::format("c{}", i)));
    remove.push_back(fmt::format("c{}", i));
  }
  EXPECT_EQ(addresses.size(), static_cast<size_t>(kContainers));
  EXPECT_EQ(Leases("bridge").size(), static_cast<size_t>(kContainers));
  RunOk(remove);
  EXPECT_TRUE(Leases("bridge").empty());
}

TEST_F(Network, FlagsSetWhatTheySay) {
  const Output output =
      RunShell("hostname -i; cat /sys/class/net/eth0/address /etc/hosts /etc/resolv.conf",
               {"--ip", "172.17.5.5", "--mac-address", "02:00:00:00:00:07", "--add-host",
                "db:10.0.0.9", "--add-host", "up:host-gateway", "--dns", "192.0.2.53",
                "--dns-search", "example.org", "--dns-option", "ndots:2", "--hostname", "one"});
  EXPECT_EQ(output.code, 0) << output;
  for (const char* text :
       {"172.17.5.5\n", "02:00:00:00:00:07\n", "10.0.0.9\tdb\n", "172.17.0.1\tup\n",
        "nameserver 192.0.2.53\nsearch example.org\noptions ndots:2\n"}) {
    EXPECT_NE(output.out.find(text), std::string::npos) << text << "\n" << output;
  }
  RunOk({"run", "-d", "--name", "holder", "--ip", "172.17.5.5", "--mac-address",
         "02:00:00:00:00:09", Busybox(), "sleep", "3600"});
  const Output same_mac = RunShell("true", {"--mac-address", "02:00:00:00:00:09"});
  EXPECT_EQ(same_mac.code, 125);
  EXPECT_NE(same_mac.err.find("MAC address 02:00:00:00:00:09 is in use by container 'holder'"),
            std::string::npos)
      << same_mac;
  const Output taken = RunShell("true", {"--ip", "172.17.5.5"});
  EXPECT_EQ(taken.code, 125);
  EXPECT_NE(taken.err.find("address 172.17.5.5 is in use by container 'holder'"), std::string::npos)
      << taken;
  // The MAC address of another address: whoever has that one would have it, too.
  EXPECT_EQ(RunShell("hostname -i", {"--mac-address", "02:42:ac:11:00:07"}).out, "172.17.0.7\n");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--ip", "10.9.9.9"},
        {"--ip", "172.17.0.8", "--mac-address", "02:42:ac:11:00:07"},
        {"--ip6", "fd00::9"},
        {"--network", "nowhere"},
        {"--network", "none", "--ip", "172.17.0.9"},
        {"--network", "host", "--network", "bridge"},
        {"--network-alias", "x"}}) {
    const Output refused = RunShell("echo never", wrong);
    EXPECT_EQ(refused.code, 125) << wrong[0] << " " << wrong[1] << refused;
    EXPECT_EQ(refused.out, "");
  }
  EXPECT_EQ(RunOk({"ps", "-q", "--no-trunc", "-f", "network=bridge"}),
            Inspect("holder").value("Id", ""));
}

}  // namespace
}  // namespace hoy::test
