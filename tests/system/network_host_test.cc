// What networks want of the host they are on, and what they leave as it is.

#include <fmt/core.h>

#include <filesystem>

#include "tests/support/network_sandbox.h"

namespace hoy::test {
namespace {

class NetworkHost : public NetworkSandbox {
 protected:
  std::string In(const std::string& container, const std::string& script) const {
    return Run({"exec", container, "sh", "-c", script}).out;
  }
  static std::string Sysctl(const std::string& name) {
    return Host("cat /proc/sys/net/" + name).out;
  }
  static void SetSysctl(const std::string& name, const std::string& value) {
    const Output done = Host(fmt::format("echo {} > /proc/sys/net/{}", value, name));
    ASSERT_EQ(done.code, 0) << done;
  }
  static std::string Bridges() { return Host("ip -o link show type bridge | cut -d : -f 2").out; }
};

TEST_F(NetworkHost, WhereIpv6IsSwitchedOffItsNetworksHaveIt) {
  SetSysctl("ipv6/conf/all/disable_ipv6", "1");
  SetSysctl("ipv6/conf/default/disable_ipv6", "1");
  RunOk({"network", "create", "--ipv6", "--subnet", "fd00:6::/64", "six"});
  const Output reached =
      RunShell("ping -6 -c 1 -W 30 fd00:6::1 >/dev/null && echo reached", {"--network", "six"});
  EXPECT_EQ(reached.out, "reached\n") << reached;
  EXPECT_EQ(Sysctl("ipv6/conf/all/disable_ipv6"), "1\n");
  EXPECT_EQ(Sysctl("ipv6/conf/lo/disable_ipv6"), "1\n");
  StartSleeper({"--name", "web", "--sysctl", "net.ipv6.conf.default.disable_ipv6=1"});
  const Output off = Run({"network", "connect", "six", "web"});
  EXPECT_EQ(off.code, 125);
  EXPECT_NE(off.err.find("IPv6 is switched off in the container"), std::string::npos) << off;
  EXPECT_EQ(off.err.find("CAP_NET_ADMIN"), std::string::npos) << off;
  EXPECT_TRUE(Leases("six").empty());
}

TEST_F(NetworkHost, AKernelWithoutIpv6IsSaid) {
  RunOk({"network", "create", "--ipv6", "--internal", "six"});
  RunOk({"network", "create", "--ipv6", "seven"});
  for (const char* network : {"six", "seven"}) {
    const Output none =
        HostShell(fmt::format("unshare -m sh -c 'mount -t tmpfs none /proc/sys/net/ipv6 && "
                              "exec $HOY run --rm --network {} {} true'",
                              network, Busybox()));
    EXPECT_EQ(none.code, 125) << none;
    EXPECT_NE(none.err.find("the kernel has no IPv6"), std::string::npos) << none;
    EXPECT_TRUE(Leases(network).empty());
  }
  EXPECT_EQ(Bridges(), "");
}

TEST_F(NetworkHost, ForwardingThatCannotBeSwitchedOn) {
  SetSysctl("ipv4/ip_forward", "0");
  const auto run = [&](const std::string& options, const std::string& gateway) {
    return HostShell(
        fmt::format("unshare -m sh -c 'mount --bind /proc/sys /proc/sys && "
                    "mount -o remount,bind,ro /proc/sys && "
                    "exec $HOY run --rm {} {} ping -c 1 -W 30 {}'",
                    options, Busybox(), gateway));
  };
  const Output off = run("", "172.17.0.1");
  EXPECT_EQ(off.code, 125) << off;
  EXPECT_NE(off.err.find("write 1 to /proc/sys/net/ipv4/ip_forward on the host"), std::string::npos)
      << off;
  EXPECT_TRUE(Leases("bridge").empty());
  EXPECT_EQ(Bridges(), "");
  RunOk({"network", "create", "--internal", "--subnet", "10.2.0.0/24", "db"});
  const Output internal = run("--network db", "10.2.0.1");
  EXPECT_EQ(internal.code, 0) << internal;

  RunOk({"network", "create", "--ipv6", "--subnet", "10.3.0.0/24", "six"});
  SetSysctl("ipv4/ip_forward", "1");
  SetSysctl("ipv6/conf/all/forwarding", "1");
  const std::string before = Bridges();
  const Output six = run("--network six", "10.3.0.1");
  EXPECT_EQ(six.code, 125) << six;
  EXPECT_NE(six.err.find("run hoy where /proc/sys can be written"), std::string::npos) << six;
  EXPECT_EQ(Bridges(), before) << "half made";
  const Output on = run("", "172.17.0.1");
  EXPECT_EQ(on.code, 0) << on;
  // Ports on 127.0.0.1 want one more.
  ASSERT_EQ(Host("ip addr add 203.0.113.9/32 dev lo").code, 0);
  const Output publishes = run("-p 8080:80", "172.17.0.1");
  EXPECT_EQ(publishes.code, 125) << publishes;
  EXPECT_NE(publishes.err.find("publish ports on 127.0.0.1"), std::string::npos) << publishes;
  const Output at = run("-p 203.0.113.9:8080:80", "172.17.0.1");
  EXPECT_EQ(at.code, 0) << at;
  EXPECT_EQ(RunShell("true", {"-p", "8080:80"}).code, 0);
}

TEST_F(NetworkHost, NeedsNoProgramOfTheHost) {
  std::filesystem::create_directory(Path("empty"));
  env["PATH"] = Path("empty");
  RunOk({"network", "create", "--ipv6", "app"});
  for (const std::string network : {"bridge", "app"}) {
    SCOPED_TRACE(network);
    RunOk({"run", "-d", "--name", "web", "--network", network, "-p", "8080:80", Busybox(), "sh",
           "-c", "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www"});
    const auto call = [&] {
      return Eventually(
          [] { return Host("curl -s -m 60 http://127.0.0.1:8080/").out == "hello\n"; });
    };
    EXPECT_TRUE(call());
    const std::string other = network == "app" ? "bridge" : "app";
    RunOk({"network", "connect", other, "web"});
    EXPECT_TRUE(call());
    RunOk({"network", "disconnect", network, "web"});
    EXPECT_TRUE(call());
    RunOk({"rm", "-f", "web"});
  }
  RunOk({"network", "rm", "app"});
}

// Linux switches advertisements off where it forwards, and forgets the routes that it has by them.
TEST_F(NetworkHost, RouterAdvertisementsGoOn) {
  const OtherHost router("cable", "203.0.113.1/24", "203.0.113.2/24");
  // RFC 4861, 4.2: hop limit 64, no flags, a lifetime of 1800 s. ff02::1 by eth0.
  const std::string advertise =
      "link=$(ip -o link show eth0 | cut -d: -f1) perl -MSocket=:all -e '"
      "socket(my $s, AF_INET6, SOCK_RAW, 58) or die; my $link = pack(\"i\", $ENV{link});"
      "setsockopt($s, 41, 17, $link) or die; setsockopt($s, 41, 18, pack(\"i\", 255)) or die;"
      "send($s, pack(\"CCnCCnNN\", 134, 0, 0, 64, 0, 1800, 0, 0), 0,"
      "pack_sockaddr_in6(0, inet_pton(AF_INET6, \"ff02::1\"), $ENV{link})) or die'";
  const auto route = [] { return Host("ip -6 route show default").out; };
  SetSysctl("ipv6/conf/all/forwarding", "0");
  SetSysctl("ipv6/conf/cable/accept_ra", "1");
  // The router has no address to send from at first.
  ASSERT_TRUE(Eventually([&] {
    router.Run(advertise);
    return Has(route(), "proto ra");
  }));
  RunOk({"network", "create", "--ipv6", "six"});
  EXPECT_EQ(RunShell("true", {"--network", "six"}).code, 0);
  EXPECT_EQ(Sysctl("ipv6/conf/cable/accept_ra"), "2\n");
  EXPECT_EQ(Sysctl("ipv6/conf/all/forwarding"), "1\n");
  EXPECT_TRUE(Has(route(), "proto ra")) << route();
}

}  // namespace
}  // namespace hoy::test
