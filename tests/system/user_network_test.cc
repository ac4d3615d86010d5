// Networks that people make: the verbs, names of members, running containers that come and go.

#include <fmt/core.h>

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class UserNetwork : public NetworkSandbox {
 protected:
  void SetUp() override {
    NetworkSandbox::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    id_ = RunOk({"network", "create", "--subnet", "10.1.0.0/24", "--label", "kind=test", "app"});
  }

  std::string Start(const std::string& name, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"--name", name});
    return StartSleeper(std::move(options));
  }
  std::string In(const std::string& container, const std::string& script) const {
    return Run({"exec", container, "sh", "-c", script}).out;
  }
  // The address that a name has for it.
  std::string Lookup(const std::string& container, const std::string& name) const {
    return In(container,
              fmt::format("awk '{{ for (i = 2; i <= NF; ++i) if ($i == \"{}\") print $1 }}' "
                          "/etc/hosts",
                          name));
  }

  std::string id_;
};

TEST_F(UserNetwork, IsMadeListedShownAndRemoved) {
  EXPECT_EQ(id_.size(), 64u);
  EXPECT_EQ(RunOk({"network", "ls", "--format", "{{.Name}} {{.Driver}}"}),
            "app bridge\nbridge bridge\nhost host\nnone null");
  EXPECT_EQ(RunOk({"network", "ls", "-q", "-f", "label=kind=test"}), id_.substr(0, 12));
  EXPECT_EQ(RunOk({"network", "ls", "-f", "type=custom", "--format", "{{.ID}}", "--no-trunc"}),
            id_);
  const std::string member = Start("one", {"--network", "app"});
  const Json shown = Json::parse(RunOk({"network", "inspect", id_.substr(0, 8)}))[0];
  EXPECT_EQ(shown["Name"], "app");
  EXPECT_EQ(shown["IPAM"]["Config"][0]["Subnet"], "10.1.0.0/24");
  EXPECT_EQ(shown["IPAM"]["Config"][0]["Gateway"], "10.1.0.1");
  EXPECT_EQ(shown["Labels"]["kind"], "test");
  EXPECT_EQ(shown["Containers"][member]["Name"], "one");
  EXPECT_EQ(shown["Containers"][member]["IPv4Address"], "10.1.0.2/24");
  const std::string endpoint = NetworkField("one", "app", "EndpointID");
  EXPECT_EQ(endpoint.size(), 64u);
  EXPECT_EQ(shown["Containers"][member]["EndpointID"], endpoint);
  EXPECT_EQ(Run({"network", "create", "app"}).code, 125);
  EXPECT_EQ(Run({"network", "create", "-o", "color=red", "more"}).code, 125);
  const Output overlaps = Run({"network", "create", "--subnet", "10.1.0.0/16", "more"});
  EXPECT_EQ(overlaps.code, 125);
  EXPECT_NE(overlaps.err.find("overlaps"), std::string::npos) << overlaps;
  const Output used = Run({"network", "rm", "app"});
  EXPECT_EQ(used.code, 125);
  EXPECT_NE(used.err.find("in use by one"), std::string::npos) << used;
  EXPECT_EQ(Run({"network", "rm", "bridge"}).code, 125);
  RunOk({"network", "prune", "-f"});
  EXPECT_EQ(RunOk({"events", "--stream=false", "-f", "event=prune", "--format",
                   "{{.Type}} {{.Actor.Attributes.reclaimed}}"}),
            "network 0");
  const std::string sandbox =
      RunOk({"inspect", "--format", "{{.NetworkSettings.SandboxKey}}", "one"});
  EXPECT_EQ(
      Host("nsenter --net=" + sandbox + " ip -o -4 addr show dev eth0 | grep -c 10.1.0.2").out,
      "1\n");
  EXPECT_EQ(Run({"network", "inspect", "app"}).code, 0);
  RunOk({"rm", "-f", "one"});
  EXPECT_EQ(RunOk({"network", "prune", "-f", "--dry-run"}), "Networks that would be deleted:\napp");
  EXPECT_EQ(RunOk({"network", "rm", "app"}), "app");
  EXPECT_EQ(Run({"network", "inspect", "app"}).code, 1);
  EXPECT_EQ(RunOk({"network", "rm", "-f", "app"}), "app");
  RunOk({"network", "create", "torn"});
  WriteFile(data() + "/networks/torn.json", "{");
  EXPECT_EQ(RunOk({"network", "rm", "-f", "torn"}), "torn");
  EXPECT_EQ(RunOk({"events", "--stream=false", "-f", "event=destroy", "-f", "type=network",
                   "--format", "{{.Actor.Attributes.name}}"}),
            "app\ntorn");
  EXPECT_EQ(Host("ip -o link show type bridge").out.find(id_.substr(0, 11)), std::string::npos);
  EXPECT_EQ(Host("nft list ruleset").out.find(id_), std::string::npos);
}

TEST_F(UserNetwork, MembersKnowEachOther) {
  const std::string one = Start("one", {"--network", "app:alias=first"});
  // It stays one file: who has it open sees what becomes of it.
  RunOk({"exec", "-d", "one", "sh", "-c", "exec tail -f /dev/null 3</etc/hosts"});
  ASSERT_TRUE(Eventually([&] { return In("one", "pidof tail") != ""; }));
  const std::string held = "/proc/$(pidof tail)/fd/3";
  const std::string inode = In("one", "stat -c %i /etc/hosts");
  const std::string two = Start("two", {"--network", "app", "--network-alias", "second"});
  EXPECT_EQ(In("one", "grep -c second " + held), "1\n");
  // Who came before has learnt of who came later, in the file that it has.
  EXPECT_EQ(Lookup("one", "two"), "10.1.0.3\n");
  EXPECT_EQ(Lookup("one", "second"), "10.1.0.3\n");
  EXPECT_EQ(Lookup("one", two.substr(0, 12)), "10.1.0.3\n");
  EXPECT_EQ(Lookup("two", "first"), "10.1.0.2\n");
  EXPECT_EQ(In("two", "until ping -c 1 -W 3 one >/dev/null; do :; done; echo reached"),
            "reached\n");
  In("one", "echo '192.0.2.9 mine' >> /etc/hosts");
  RunOk({"rename", "two", "deux"});
  EXPECT_EQ(Lookup("one", "deux"), "10.1.0.3\n");
  EXPECT_EQ(Lookup("one", "two"), "");
  RunOk({"rm", "-f", "deux"});
  EXPECT_EQ(Lookup("one", "deux"), "");
  EXPECT_EQ(Lookup("one", "mine"), "192.0.2.9\n");
  EXPECT_EQ(Lookup("one", one.substr(0, 12)), "10.1.0.2\n");
  EXPECT_EQ(In("one", "stat -c %i /etc/hosts"), inode);
  EXPECT_EQ(In("one", "stat -L -c %i " + held), inode);
  EXPECT_EQ(In("one", "cat " + held), In("one", "cat /etc/hosts"));
}

TEST_F(UserNetwork, TheHostIsKnownByNameAsFarAsItIsReached) {
  Background server(Command{.argv = {"busybox", "nc", "-ll", "-p", "9000", "-e", "echo", "host"}});
  ASSERT_TRUE(Eventually([] { return !Host("ss -Hltn 'sport = :9000'").out.empty(); }));
  const std::vector<std::string> up = {"--add-host", "far:192.0.2.7", "--add-host",
                                       "up:host-gateway"};
  const auto start = [&](const std::string& name, const std::string& network) {
    std::vector<std::string> options = up;
    options.insert(options.end(), {"--network", network});
    Start(name, options);
  };
  const auto expect_host = [&](const std::string& name, const std::string& address) {
    SCOPED_TRACE(name + " " + address);
    const std::string line = address.empty() ? "" : address + "\n";
    EXPECT_EQ(Lookup(name, "up"), line);
    EXPECT_EQ(Lookup(name, "host.containers.internal"), line);
    EXPECT_EQ(Lookup(name, "far"), "192.0.2.7\n");
    if (address.empty()) return;
    EXPECT_EQ(In(name, "echo | nc -w 60 up 9000"), "host\n");
  };
  RunOk({"network", "create", "--internal", "--subnet", "10.2.0.0/24", "db"});
  start("web", "app");
  expect_host("web", "10.1.0.1");
  start("store", "db");
  expect_host("store", "10.2.0.1");
  // It follows the networks.
  start("late", "none");
  expect_host("late", "");
  In("late", "echo '192.0.2.9 mine' >> /etc/hosts");
  RunOk({"network", "connect", "db", "late"});
  expect_host("late", "10.2.0.1");
  RunOk({"network", "connect", "app", "late"});
  expect_host("late", "10.1.0.1");
  RunOk({"restart", "-t", "0", "late"});
  expect_host("late", "10.1.0.1");
  In("late", "echo '192.0.2.9 mine' >> /etc/hosts");
  RunOk({"network", "disconnect", "app", "late"});
  expect_host("late", "10.2.0.1");
  EXPECT_EQ(Lookup("late", "store"), "10.2.0.2\n");
  RunOk({"network", "disconnect", "db", "late"});
  expect_host("late", "");
  EXPECT_EQ(Lookup("late", "mine"), "192.0.2.9\n");
  // With the host's network it is the host itself.
  EXPECT_EQ(
      RunShell("grep up$ /etc/hosts", {"--network", "host", "--add-host", "up:host-gateway"}).out,
      "127.0.0.1\tup\n");
  const Output unknown = RunShell(
      "true", {"--network", fmt::format("ns:/proc/{}/ns/net", server.pid()), up[2], up[3]});
  EXPECT_EQ(unknown.code, 125);
  EXPECT_NE(unknown.err.find("how the host is reached from 'ns:/proc/"), std::string::npos)
      << unknown;
}

// A container may make of its own files what it likes: it costs nobody else memory or time.
TEST_F(UserNetwork, HugeEtcFilesAreNobodysTrouble) {
  RunOk({"network", "create", "--subnet", "10.2.0.0/24", "db"});
  Start("one", {"--network", "app"});
  RunOk({"run", "-d", "--name", "late", Busybox(), "sleep", "3600"});
  In("one", "truncate -s 400G /etc/hosts");
  In("late", "truncate -s 400G /etc/resolv.conf");
  Start("two", {"--network", "app"});
  EXPECT_EQ(Lookup("two", "one"), "10.1.0.2\n");
  RunOk({"network", "connect", "db", "late"});
  EXPECT_TRUE(In("late", "cat /etc/resolv.conf").starts_with("nameserver 127.0.0.11\n"));
  RunOk({"rm", "-f", "two"});
}

TEST_F(UserNetwork, NetworksAreApartUntilOneIsConnected) {
  RunOk({"network", "create", "--subnet", "10.2.0.0/24", "--internal", "db"});
  const std::string web = Start("web", {"--network", "app"});
  const std::string store = Start("store", {"--network", "db"});
  EXPECT_EQ(In("store", "ip route"), "10.2.0.0/24 dev eth0 scope link  src 10.2.0.2 \n");
  EXPECT_EQ(In("web", "ping -c 1 -W 1 10.2.0.2 >/dev/null && echo reached"), "");
  RunOk({"network", "connect", "--ip", "10.2.0.9", "--alias", "front", "db", "web"});
  EXPECT_EQ(Run({"network", "connect", "db", "web"}).code, 125);
  EXPECT_EQ(NetworkField("web", "db", "IPAddress"), "10.2.0.9");
  EXPECT_EQ(Lookup("store", "front"), "10.2.0.9\n");
  EXPECT_EQ(Lookup("web", "store"), "10.2.0.2\n");
  EXPECT_EQ(In("web", "until ping -c 1 -W 3 store >/dev/null; do :; done; echo reached"),
            "reached\n");
  // It stays so at the next start.
  RunOk({"restart", "-t", "0", "web"});
  EXPECT_EQ(NetworkField("web", "db", "IPAddress"), "10.2.0.9");
  EXPECT_EQ(In("web", "ip -o -4 addr show dev eth1 | grep -c 10.2.0.9/24"), "1\n");
  RunOk({"network", "disconnect", "db", "web"});
  EXPECT_EQ(NetworkField("web", "db", "IPAddress"), "(absent)");
  EXPECT_EQ(Lookup("store", "front"), "");
  EXPECT_EQ(Lookup("web", "store"), "");
  EXPECT_EQ(In("web", "ls /sys/class/net | grep -c eth1"), "0\n");
  RunOk({"network", "disconnect", "app", "web"});
  EXPECT_EQ(In("web", "ls /sys/class/net"), "lo\n");
  RunOk({"network", "connect", "app", "web"});
  EXPECT_NE(In("web", "ip route").find("default via 10.1.0.1"), std::string::npos);
  RunOk({"rm", "-f", "web", "store"});
  EXPECT_TRUE(Leases("db").empty());
  RunOk({"network", "rm", "db"});
  const auto told = [&](const std::string& filter, const std::string& attribute) {
    return RunOk({"events", "--stream=false", "-f", "network=db", "-f", filter, "--format",
                  "{{.Action}} {{.Actor.Attributes." + attribute + "}}"});
  };
  // Of store, and of web, which came, was started again, and left.
  EXPECT_EQ(told("type=network", "type"),
            "create bridge\nconnect bridge\nconnect bridge\ndisconnect bridge\nconnect bridge\n"
            "disconnect bridge\ndisconnect bridge\ndestroy bridge");
  EXPECT_EQ(told("event=connect", "container"),
            fmt::format("connect {}\nconnect {}\nconnect {}", store, web, web));
}

TEST_F(UserNetwork, AnInternalNetworkBeforeAnotherIsInNobodysWayOut) {
  RunOk({"network", "create", "--subnet", "10.2.0.0/24", "--internal", "db"});
  Start("web", {"--network", "db", "--network", "app"});
  EXPECT_NE(In("web", "ip route").find("default via 10.1.0.1 dev eth1"), std::string::npos);
  Start("late", {"--network", "db"});
  RunOk({"network", "connect", "app", "late"});
  RunOk({"restart", "-t", "0", "late"});
  EXPECT_NE(In("late", "ip route").find("default via 10.1.0.1 dev eth1"), std::string::npos);
}

TEST_F(UserNetwork, WhoKeepsContainersFromTheWorldIsToldOfOnce) {
  const auto told = [&](const std::vector<std::string>& options) {
    return RunShell("true", options)
               .err.find("chain FORWARD of table ip filter) keep containers") != std::string::npos;
  };
  RunOk({"network", "create", "--internal", "db"});
  EXPECT_FALSE(told({"--network", "app"})) << "nobody does";
  EXPECT_EQ(Host("nft 'add table ip filter; add chain ip filter FORWARD "
                 "{ type filter hook forward priority 0; policy drop; }'")
                .code,
            0);
  EXPECT_FALSE(told({"--network", "db"})) << "it leads nowhere";
  EXPECT_TRUE(told({"--network", "app"}));
  EXPECT_FALSE(told({"--network", "app"}));
}

TEST_F(UserNetwork, AConnectThatFailsLeavesNothing) {
  RunOk({"network", "create", "--ipv6", "--subnet", "10.3.0.0/28", "six"});
  RunOk({"network", "create", "--internal", "--subnet", "10.2.0.0/24", "db"});
  Start("web", {"--network", "db", "--cap-add", "NET_ADMIN", "--sysctl",
                "net.ipv6.conf.default.disable_ipv6=1"});
  const Output failed = Run({"network", "connect", "six", "web"});
  EXPECT_EQ(failed.code, 125) << failed;
  EXPECT_EQ(In("web", "ls /sys/class/net"), "eth0\nlo\n");
  EXPECT_TRUE(Leases("six").empty());
  // A default route and a link of the container's own stay.
  In("web", "ip route add default via 10.2.0.77; ip link add eth1 type bridge");
  RunOk({"network", "connect", "app", "web"});
  EXPECT_EQ(In("web", "ip route | grep default | cut -d' ' -f1-3; ls /sys/class/net"),
            "default via 10.2.0.77\neth0\neth1\neth2\nlo\n");
  EXPECT_EQ(Leases("app"), std::vector<std::string>{"10.1.0.2"});
}

TEST_F(UserNetwork, AConnectOrDisconnectThatIsKilledIsUndoneByTheNext) {
  Start("web");
  for (const char* point : {"attach-connected", "attach-recorded"}) {
    for (const bool again : {false, true}) {
      SCOPED_TRACE(fmt::format("{}, then {}", point, again ? "connect" : "disconnect"));
      Command connect = Hoy({"network", "connect", "app", "web"});
      connect.env["HOY_FAIL_POINT"] = point;
      EXPECT_EQ(RunCommand(connect).code, 137);
      EXPECT_EQ(In("web", "ls /sys/class/net"), "eth0\neth1\nlo\n");
      if (again) {
        RunOk({"network", "connect", "--ip", "10.1.0.9", "app", "web"});
        EXPECT_EQ(NetworkField("web", "app", "IPAddress"), "10.1.0.9");
        EXPECT_EQ(Leases("app"), std::vector<std::string>{"10.1.0.9"});
      }
      RunOk({"network", "disconnect", "app", "web"});
      EXPECT_EQ(In("web", "ls /sys/class/net"), "eth0\nlo\n");
      EXPECT_TRUE(Leases("app").empty());
      EXPECT_EQ(Run({"network", "disconnect", "app", "web"}).code, 1);
    }
  }
  RunOk({"network", "connect", "app", "web"});
  Command disconnect = Hoy({"network", "disconnect", "bridge", "web"});
  disconnect.env["HOY_FAIL_POINT"] = "attach-recorded";
  EXPECT_EQ(RunCommand(disconnect).code, 137);
  RunOk({"network", "disconnect", "bridge", "web"});
  EXPECT_NE(In("web", "ip route").find("default via 10.1.0.1"), std::string::npos);
  RunOk({"network", "disconnect", "app", "web"});
  RunOk({"network", "rm", "app"});
}

TEST_F(UserNetwork, ALostLeaseCostsNobodyHisLink) {
  Start("one", {"--network", "app", "--ip", "10.1.0.9"});
  ASSERT_EQ(Host("find " + directory() + " -name 10.1.0.9 -delete -print").out.empty(), false);
  const Output taken =
      Run({"run", "--rm", "--network", "app", "--ip", "10.1.0.9", Busybox(), "true"});
  EXPECT_EQ(taken.code, 125);
  EXPECT_NE(taken.err.find("address 10.1.0.9 is in use by container 'one'"), std::string::npos)
      << taken;
  EXPECT_EQ(In("one", "until ping -c 1 -W 3 10.1.0.1 >/dev/null; do :; done; echo reached"),
            "reached\n");
}

TEST_F(UserNetwork, WithIpv6) {
  RunOk(
      {"network", "create", "--ipv6", "--subnet", "fd00:1::/64", "--subnet", "10.3.0.0/28", "six"});
  Start("one", {"--network", "six"});
  Start("two", {"--network", "six", "--ip6", "fd00:1::99"});
  EXPECT_EQ(NetworkField("one", "six", "GlobalIPv6Address"), "fd00:1::2");
  EXPECT_EQ(In("one", "until ping -6 -c 1 -W 3 fd00:1::99 >/dev/null; do :; done; echo reached"),
            "reached\n");
  EXPECT_EQ(In("one", "ip -6 route show default | cut -d' ' -f1-3"), "default via fd00:1::1\n");
  Start("late", {"--network", "app"});
  // The host knows who had the address last, for up to a minute.
  Host(
      "ip -6 neigh replace fd00:1::77 lladdr 02:00:00:00:00:99 nud reachable "
      "dev $(ip -o -6 addr show to fd00:1::1 | awk '{print $2}')");
  const char* neighbour = "ip -6 neigh show fd00:1::77";
  ASSERT_NE(Host(neighbour).out.find("02:00:00:00:00:99"), std::string::npos);
  RunOk({"network", "connect", "--ip6", "fd00:1::77", "--mac-address", "02:00:00:00:00:07", "six",
         "late"});
  EXPECT_EQ(NetworkField("late", "six", "GlobalIPv6Address"), "fd00:1::77");
  EXPECT_EQ(Host(neighbour).out.find("02:00:00:00:00:99"), std::string::npos);
  EXPECT_EQ(In("late", "cat /sys/class/net/eth1/address"), "02:00:00:00:00:07\n");
  RunOk({"network", "create", "--label", "kind=other", "more"});
  RunOk({"rm", "-f", "late"});
  RunOk({"network", "prune", "-f", "--filter", "label=kind=test"});
  EXPECT_EQ(RunOk({"network", "ls", "-f", "type=custom", "--format", "{{.Name}}"}), "more\nsix");
  EXPECT_EQ(RunOk({"network", "ls", "-f", "scope=swarm", "-q"}), "");
  EXPECT_EQ(RunOk({"network", "ls", "-f", "scope=global", "-f", "scope=local", "-q"}),
            RunOk({"network", "ls", "-q"}));
}

}  // namespace
}  // namespace hoy::test
