// Published ports by all the ways that lead to a host: each of its addresses, both families, from
// other machines, from itself and from its containers.

#include <fmt/core.h>

#include "tests/system/publish_fixture.h"

namespace hoy::test {
namespace {

class PublishWays : public Publish {
 protected:
  static constexpr const char* kOverIpv6 = "[2001:db8::1]";

  // Until nobody else has the addresses, they are not used (RFC 4862, 5.4).
  static void AwaitIpv6(const OtherHost& other) {
    EXPECT_TRUE(Eventually([&] {
      return other.Run("ip -6 addr show tentative").out.empty() &&
             Host("ip -6 addr show dev cable tentative").out.empty();
    }));
  }
  std::string PidOf(const std::string& name) const {
    return RunOk({"inspect", "--format", "{{.State.Pid}}", name});
  }
  // By UDP, in the container's network: who asks hears where he comes from.
  Background ServeUdp(const std::string& name) const {
    Background server(
        {.argv = {"nsenter", "-t", PidOf(name), "-n", "perl", "-MIO::Socket::IP", "-e",
                  "$| = 1; $s = IO::Socket::IP->new(Proto => 'udp', LocalHost => '::', LocalPort "
                  "=> 53, V6Only => 0) or die; print \"ready\\n\";"
                  "$s->send($s->peerhost . \"\\n\") while defined $s->recv($m, 99)"}});
    EXPECT_TRUE(server.WaitForOut("ready"));
    return server;
  }
  // What gets no answer is asked again.
  static std::string AskUdp(const std::string& address, int port) {
    return fmt::format(
        "perl -MIO::Select -MIO::Socket::IP -e '$s = IO::Socket::IP->new(Proto => \"udp\", "
        "PeerHost => \"{}\", PeerPort => {}) or die; alarm 60;"
        "do {{ $s->send(\"m\") }} until IO::Select->new($s)->can_read(1);"
        "$s->recv($m, 99); print $m'",
        address, port);
  }
};

TEST_F(PublishWays, AnIpv6ClientReachesAContainerThatHasIpv4Alone) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Host("for i in 1 9; do ip addr add 2001:db8::$i/64 dev cable; done");
  other.Run("ip addr add 2001:db8::2/64 dev eth0");
  AwaitIpv6(other);
  Serve("web", {"-p", "8080:80", "-p", "5353:53/udp"});
  EXPECT_EQ(Ports("web"),
            "0.0.0.0:5353->53/udp, [::]:5353->53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
  EXPECT_EQ(other.Run(Call(kOverIpv6, 8080)).out, "web to 172.17.0.1\n");
  EXPECT_EQ(Host(Call("[::1]", 8080)).out, "web to 172.17.0.1\n");
  const Background server = ServeUdp("web");
  // Each client hears from the address that it has asked.
  for (const char* address : {"2001:db8::1", "2001:db8::9"}) {
    EXPECT_EQ(other.Run(AskUdp(address, 5353)).out, "::ffff:172.17.0.1\n") << address;
  }
  RunOk({"stop", "-t", "0", "web"});
  EXPECT_NE(other.Run(Call(kOverIpv6, 8080)).code, 0);
  // A port of one address is of that one alone.
  RunOk({"rm", "web"});
  Serve("web", {"-p", "0.0.0.0:8080:80"});
  EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp");
  EXPECT_NE(other.Run(Call(kOverIpv6, 8080)).code, 0);
}

TEST_F(PublishWays, OnAnInternalNetworkAlone) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Host("ip addr add 2001:db8::1/64 dev cable");
  other.Run("ip addr add 2001:db8::2/64 dev eth0");
  AwaitIpv6(other);
  RunOk({"network", "create", "--internal", "--subnet", "10.2.0.0/24", "db"});
  RunOk({"network", "create", "app"});
  const std::string told =
      "-p: network 'db' is internal: the ports are reached from this host alone";
  std::string said;
  Serve("web", {"--network", "db", "-p", "8080:80"}, &said);
  EXPECT_NE(said.find(told), std::string::npos) << said;
  EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, "web to 10.2.0.1\n");
  const std::string call = "curl -s -m 2 http://203.0.113.1:8080/cgi-bin/who";
  EXPECT_NE(other.Run(call).code, 0);
  EXPECT_EQ(Host(Call("[::1]", 8080)).out, "web to 10.2.0.1\n");
  EXPECT_NE(other.Run(Call(kOverIpv6, 8080)).code, 0);
  Output output = Run({"run", "--rm", "--network", "db", "-p", "[::]:81:81", Busybox(), "true"});
  EXPECT_EQ(output.code, 125);
  EXPECT_NE(output.err.find("port 81 on ::: the container's networks are internal"),
            std::string::npos)
      << output;
  output = Run({"network", "connect", "app", "web"});
  EXPECT_EQ(output.err, "") << output;
  EXPECT_EQ(other.Run(Call(kOverIpv6, 8080)).code, 0);
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
  output = Run({"network", "disconnect", "app", "web"});
  EXPECT_EQ(output.code, 0);
  EXPECT_NE(output.err.find(told), std::string::npos) << output;
  EXPECT_NE(other.Run(call).code, 0);
  output = Run({"restart", "-t", "0", "web"});
  EXPECT_NE(output.err.find(told), std::string::npos) << output;
}

TEST_F(PublishWays, AtOneAddressOfTheHost) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Host("ip addr add 203.0.113.9/24 dev cable");
  Serve("web", {"-p", "203.0.113.9:8080:80"});
  EXPECT_EQ(Ports("web"), "203.0.113.9:8080->80/tcp");
  EXPECT_EQ(other.Run(Call("203.0.113.9", 8080)).out, "web to 203.0.113.2\n");
  EXPECT_EQ(Host(Call("203.0.113.9", 8080)).out, "web to 203.0.113.1\n");
  EXPECT_EQ(RunShell(CallFromInside("203.0.113.9", 8080)).out, "web to 172.17.0.1\n") << "hairpin";
  EXPECT_NE(other.Run(Call("203.0.113.1", 8080)).code, 0);
  EXPECT_NE(Host(Call("203.0.113.1", 8080)).code, 0);
  EXPECT_NE(Host(Call("127.0.0.1", 8080)).code, 0);
  // The number is somebody else's at another address.
  Serve("next", {"-p", "203.0.113.1:8080:80"});
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "next to 203.0.113.2\n");
  EXPECT_EQ(other.Run(Call("203.0.113.9", 8080)).out, "web to 203.0.113.2\n");
  const Output output =
      Run({"run", "--rm", "--name", "lost", "-p", "203.0.113.77:1:1", Busybox(), "true"});
  EXPECT_EQ(output.code, 125);
  EXPECT_NE(output.err.find("port 203.0.113.77:1/tcp: the host has no such address"),
            std::string::npos)
      << output;
  EXPECT_EQ(Run({"exists", "lost"}).code, 1);
  EXPECT_EQ(Leases("bridge").size(), 2u);
  EXPECT_EQ(Rules().find("203.0.113.77"), std::string::npos);
}

TEST_F(PublishWays, TheUdpClientIsKnown) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Host("ip addr add 2001:db8::1/64 dev cable");
  other.Run("ip addr add 2001:db8::2/64 dev eth0");
  AwaitIpv6(other);
  RunOk({"network", "create", "--ipv6", "six"});
  StartSleeper({"--name", "web", "--network", "six", "-p", "5353:53/udp"});
  StartSleeper({"--name", "peer", "--network", "six"});
  AwaitIpv6(other);
  const Background server = ServeUdp("web");
  EXPECT_EQ(other.Run(AskUdp("203.0.113.1", 5353)).out, "::ffff:203.0.113.2\n");
  EXPECT_TRUE(
      Eventually([&] { return other.Run(AskUdp("2001:db8::1", 5353)).out == "2001:db8::2\n"; }));
  const Output hairpin = Host("nsenter -t " + PidOf("peer") + " -n " + AskUdp("203.0.113.1", 5353));
  EXPECT_EQ(hairpin.out, "::ffff:" + NetworkField("web", "six", "Gateway") + "\n") << hairpin;
}

TEST_F(PublishWays, ABusyUdpPortNamesWhoHasIt) {
  {
    Background holder(
        {.argv = {"perl", "-MIO::Socket::INET", "-e",
                  "$| = 1; $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 5353) or die;"
                  "print \"ready\\n\"; <STDIN>"}});
    ASSERT_TRUE(holder.WaitForOut("ready"));
    const Output output = Run({"run", "--rm", "-p", "5353:53/udp", Busybox(), "true"});
    EXPECT_EQ(output.code, 125);
    EXPECT_NE(output.err.find(
                  fmt::format("port 0.0.0.0:5353/udp is in use by perl (pid {})", holder.pid())),
              std::string::npos)
        << output;
  }
  StartSleeper({"--name", "first", "-p", "5353:53/udp"});
  const Output output = Run({"run", "--rm", "-p", "5353:53/udp", Busybox(), "true"});
  EXPECT_NE(output.err.find("port 0.0.0.0:5353/udp is in use by container 'first'"),
            std::string::npos)
      << output;
  RunOk({"run", "--rm", "-p", "5353:53", Busybox(), "true"});
}

TEST_F(PublishWays, TooManyToBeCarriedOnAreByIpv4Alone) {
  const Output output = Run({"run", "--rm", "-p", "20000-24100:20000-24100", Busybox(), "true"});
  EXPECT_EQ(output.code, 0) << output;
  EXPECT_EQ(output.err,
            "hoy: warning: -p: 5 ports are reached by IPv4 alone: no more than 4096 are carried on "
            "to a container that has IPv4 alone\n");
}

TEST_F(PublishWays, PublishAllOfTheImage) {
  RunOk({"run", "-d", "--name", "all", "--entrypoint", "sleep", "-P", Configured(), "3600"});
  RunOk({"exec", "-d", "-u", "root", "all", "sh", "-c",
         "mkdir /www; echo here >/www/index.html; exec httpd -f -p 80 -h /www"});
  AwaitServer("all");
  const std::string ports = RunOk({"port", "all"});
  const std::string mark = "80/tcp -> 0.0.0.0:";
  ASSERT_TRUE(ports.starts_with(mark)) << ports;
  const std::string number = ports.substr(mark.size(), ports.find('\n') - mark.size());
  EXPECT_EQ(ports, mark + number + "\n80/tcp -> [::]:" + number);
  EXPECT_EQ(Host("curl -s -m 60 http://127.0.0.1:" + number + "/").out, "here\n");
  const Json all = Inspect("all");
  EXPECT_EQ(all["HostConfig"]["PublishAllPorts"], true);
  EXPECT_TRUE(all["HostConfig"]["PortBindings"].empty()) << all["HostConfig"]["PortBindings"];
}

TEST_F(PublishWays, Ipv6Hairpin) {
  const OtherHost other("cable", "2001:db8::1/64", "2001:db8::2/64");
  RunOk({"network", "create", "--ipv6", "six"});
  RunOk({"network", "create", "--ipv6", "second"});
  for (const char* filtered : {"0", "1"}) {
    SCOPED_TRACE(filtered);
    // There is none without br_netfilter.
    Host(fmt::format("cd /proc/sys/net/bridge && echo {} > bridge-nf-call-ip6tables", filtered));
    Serve("web", {"--network", "six", "-p", "8080:80"});
    StartSleeper({"--name", "peer", "--network", "six"});
    StartSleeper({"--name", "far", "--network", "second"});
    AwaitIpv6(other);
    const auto call = [&](const std::string& from) {
      std::string out;
      // Addresses of a new container are not used at once.
      EXPECT_TRUE(Eventually([&] {
        out = Host("nsenter -t " + PidOf(from) + " -n curl -s -m 3 http://" +
                   std::string(kOverIpv6) + ":8080/cgi-bin/who")
                  .out;
        return !out.empty();
      })) << from;
      return out;
    };
    const std::string gateway = NetworkField("web", "six", "IPv6Gateway");
    EXPECT_EQ(call("peer"), "web to " + gateway + "\n");
    EXPECT_EQ(call("web"), "web to " + gateway + "\n") << "itself";
    EXPECT_EQ(call("far"), "web to " + NetworkField("far", "second", "GlobalIPv6Address") + "\n");
    RunOk({"rm", "-f", "web", "peer", "far"});
  }
}

}  // namespace
}  // namespace hoy::test
