// Published ports on a host of its own: where they are reached from, who else may not have them,
// and that they go with the container.

#include <fmt/core.h>

#include "tests/system/publish_fixture.h"

namespace hoy::test {
namespace {

// A UDP client of perl's: what gets no answer is asked again.
const std::string kAsk =
    "while (<STDIN>) { do { $s->send($_) } until IO::Select->new($s)->can_read(1);"
    "$s->recv($answer, 99); print $answer }";

TEST_F(Publish, APortIsReachedFromEverywhereAndTheClientIsKnown) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  Serve("web", {"-p", "8080:80", "-p", "127.0.0.1:8081:80", "-p", "7000-7001:7000-7001/udp",
                "--expose", "443"});
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
  EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, "web to 172.17.0.1\n");
  EXPECT_EQ(Host(Call("127.0.0.1", 8081)).out, "web to 172.17.0.1\n");
  EXPECT_EQ(Host(Call("203.0.113.1", 8080)).out, "web to 203.0.113.1\n");
  EXPECT_EQ(RunShell(CallFromInside("203.0.113.1", 8080)).out, "web to 172.17.0.1\n") << "hairpin";
  EXPECT_EQ(RunOk({"exec", "web", "sh", "-c", CallFromInside("203.0.113.1", 8080)}),
            "web to 172.17.0.1")
      << "itself";
  EXPECT_NE(other.Run(Call("203.0.113.1", 8081)).code, 0) << "for the loopback alone";

  EXPECT_EQ(Ports("web"),
            "0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp, [::]:8080->80/tcp, 443/tcp, "
            "0.0.0.0:7000-7001->7000-7001/udp, [::]:7000-7001->7000-7001/udp");
  EXPECT_EQ(RunOk({"port", "web"}),
            "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n80/tcp -> 127.0.0.1:8081\n"
            "7000/udp -> 0.0.0.0:7000\n7000/udp -> [::]:7000\n7001/udp -> 0.0.0.0:7001\n"
            "7001/udp -> [::]:7001");
  EXPECT_EQ(RunOk({"port", "web", "80"}), "0.0.0.0:8080\n[::]:8080\n127.0.0.1:8081");
  EXPECT_EQ(Run({"port", "web", "443"}).code, 1);
  const Json web = Inspect("web");
  EXPECT_EQ(
      web["HostConfig"]["PortBindings"]["80/tcp"],
      Json::parse(R"([{"HostIp":"","HostPort":"8080"},{"HostIp":"127.0.0.1","HostPort":"8081"}])"));
  EXPECT_EQ(web["NetworkSettings"]["Ports"]["80/tcp"],
            Json::parse(
                R"([{"HostIp":"0.0.0.0","HostPort":"8080"},{"HostIp":"::","HostPort":"8080"},
              {"HostIp":"127.0.0.1","HostPort":"8081"}])"));
  EXPECT_TRUE(web["NetworkSettings"]["Ports"]["443/tcp"].is_null());
  EXPECT_TRUE(web["Config"]["ExposedPorts"].contains("7001/udp"));
  EXPECT_EQ(RunOk({"ps", "--filter", "publish=8080", "--format", "{{.Names}}"}), "web");
  EXPECT_EQ(RunOk({"ps", "--filter", "publish=80", "--format", "{{.Names}}"}), "");

  RunOk({"stop", "-t", "0", "web"});
  EXPECT_NE(other.Run(Call("203.0.113.1", 8080)).code, 0);
  EXPECT_EQ(Ports("web"), "");
  RunOk({"start", "web"});
  EXPECT_EQ(Ports("web").substr(0, 21), "0.0.0.0:8080->80/tcp,");
}

TEST_F(Publish, ABusyPortNamesWhoHasIt) {
  Background server(Command{.argv = {"busybox", "nc", "-l", "-p", "9000"}});
  ASSERT_TRUE(Eventually([] { return !Host("ss -Hltn 'sport = :9000'").out.empty(); }));
  Output output = Run({"run", "--rm", "-p", "9000:80", Busybox(), "true"});
  EXPECT_EQ(output.code, 125);
  EXPECT_NE(output.err.find(
                fmt::format("port 0.0.0.0:9000/tcp is in use by busybox (pid {})", server.pid())),
            std::string::npos)
      << output;
  RunOk({"run", "-d", "--name", "first", "-p", "127.0.0.1:8080:80", "-p", "8000-8001:80", Busybox(),
         "sleep", "3600"});
  output = Run({"run", "--name", "second", "-p", "8080:80", Busybox(), "true"});
  EXPECT_EQ(output.code, 125);
  EXPECT_NE(output.err.find("port 0.0.0.0:8080/tcp is in use by container 'first'"),
            std::string::npos)
      << output;
  EXPECT_EQ(Status("second"), "failed") << "it may be started when the port is free";
  // No other program gets it either.
  EXPECT_NE(Host("busybox nc -l -p 8080 </dev/null").code, 0);
  // The first of a range that is free; any that is free.
  RunOk({"run", "-d", "--name", "third", "-p", "8000-8001:80", Busybox(), "sleep", "3600"});
  EXPECT_EQ(Ports("third"), "0.0.0.0:8001->80/tcp, [::]:8001->80/tcp");
  output = Run({"run", "--rm", "-p", "8000-8001:80", Busybox(), "true"});
  EXPECT_NE(output.err.find("ports 8000-8001 are all in use"), std::string::npos) << output;
  RunOk({"run", "-d", "--name", "fourth", "-P", "--expose", "1", "--expose", "2/udp", "-p", "80",
         Busybox(), "sleep", "3600"});
  const std::string any = RunOk({"port", "fourth", "1"});
  EXPECT_TRUE(any.starts_with("0.0.0.0:")) << any;
  EXPECT_TRUE(RunOk({"port", "fourth", "2/udp"}).starts_with("0.0.0.0:"));
  const std::string number = any.substr(8, any.find('\n') - 8);
  EXPECT_EQ(any, "0.0.0.0:" + number + "\n[::]:" + number);
  EXPECT_EQ(Host("busybox nc -l -p " + number + " </dev/null").code, 1);

  RunOk({"rm", "-f", "first"});
  RunOk({"start", "second"});
}

TEST_F(Publish, PortsGoWithTheContainerAlsoAfterACrash) {
  for (const char* point : {"attach-published", "attach-recorded"}) {
    SCOPED_TRACE(point);
    Command command = Hoy({"run", "--name", "one", "-p", "8080:80", Busybox(), "true"});
    command.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(command).code, 137);
    // Whoever wants it next gets it; nobody has looked at the dead one yet.
    RunOk({"run", "--rm", "-p", "8080:80", Busybox(), "true"});
    RunOk({"rm", "-f", "one"});
    EXPECT_EQ(Rules().find("8080"), std::string::npos);
  }
  // A monitor that is lost: the next one holds the ports again.
  const std::string id = Serve("web", {"-p", "8080:80"});
  const Json state = Json::parse(ReadFileIfThere(run() + "/containers/" + id + "/state.json"));
  ASSERT_GT(state.value("monitor_pid", 0), 0);
  ::kill(state.value("monitor_pid", 0), SIGKILL);
  EXPECT_NE(Run({"run", "--rm", "-p", "8080:80", Busybox(), "true"}).code, 0) << "it lives on";
  RunOk({"ps", "-a"});
  EXPECT_EQ(Host("busybox nc -l -p 8080 </dev/null").code, 1);
  EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, "web to 172.17.0.1\n");

  // Rules that somebody flushed are back with the next container.
  EXPECT_EQ(Host("nft flush ruleset").code, 0);
  RunShell("true");
  EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, "web to 172.17.0.1\n");
  RunOk({"rm", "-f", "web"});
  EXPECT_EQ(Host("timeout 1 busybox nc -l -p 8080 </dev/null; [ $? = 124 ] && echo free").out,
            "free\n");
}

// Who changes its networks has let go of its ports for a moment.
TEST_F(Publish, PortsOutliveWhoIsKilledChangingThem) {
  RunOk({"network", "create", "--ipv6", "six"});
  RunOk({"network", "create", "four"});
  Serve("web", {"--network", "four", "-p", "8080:80"});
  const std::string answer = "web to " + NetworkField("web", "four", "Gateway") + "\n";
  for (const std::string point : {"attach-ports-free", "attach-published", "attach-recorded"}) {
    SCOPED_TRACE(point);
    Command connect = Hoy({"network", "connect", "six", "web"});
    connect.env["HOY_FAIL_POINT"] = point;
    EXPECT_EQ(RunCommand(connect).code, 137);
    if (point == "attach-ports-free") {
      const std::string found = Run({"system", "check"}).out;
      EXPECT_NE(found.find("somebody who changed its networks was killed"), std::string::npos)
          << found;
    } else {
      RunOk({"ps"});
    }
    EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
    EXPECT_EQ(Host("busybox nc -l -p 8080 </dev/null").code, 1);
    EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, answer);
    if (point != "attach-recorded") {
      EXPECT_EQ(Host(Call("[::1]", 8080)).out, answer);
    }
  }
  RunOk({"network", "connect", "six", "web"});
  EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
}

TEST_F(Publish, AUdpClientReachesTheNextContainer) {
  // A server in the container's network, of the host's programs: busybox has none.
  auto serve = [&](const std::string& name) {
    RunOk({"run", "-d", "--name", name, "-p", "5353:53/udp", Busybox(), "sleep", "3600"});
    const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", name});
    Background server(Command{
        .argv = {"nsenter", "-t", pid, "-n", "perl", "-MIO::Socket::INET", "-e",
                 "$| = 1; $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 53) or die;"
                 "print \"ready\\n\"; $s->send(\"" +
                     name + " $m\") while defined $s->recv($m, 99)"}});
    EXPECT_TRUE(server.WaitForOut("ready"));
    return server;
  };
  // The same client, whose port does not change.
  Background client(Command{
      .argv = {"perl", "-MIO::Select", "-MIO::Socket::INET", "-e",
               "$| = 1; $s = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1:5353');" +
                   kAsk}});
  {
    Background server = serve("one");
    client.Write("a\n");
    EXPECT_TRUE(client.WaitForOut("one a"));
  }
  RunOk({"rm", "-f", "one"});
  // Somebody else has its address now.
  RunOk({"run", "-d", "--name", "three", Busybox(), "sleep", "3600"});
  Background server = serve("two");
  client.Write("b\n");
  EXPECT_TRUE(client.WaitForOut("two b"));
}

TEST_F(Publish, BothFamiliesAndTheNextNetwork) {
  // Where there is br_netfilter, every new namespace has it switched on; answers to ::1 do not
  // arrive by rules then.
  Host("cd /proc/sys/net/bridge && echo 1 > bridge-nf-call-ip6tables");
  const OtherHost other("cable", "2001:db8::1/64", "2001:db8::2/64");
  RunOk({"network", "create", "--ipv6", "six"});
  RunOk({"network", "create", "four"});
  Serve("web", {"--network", "six", "--network", "four", "-p", "8080:80"});
  EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
  // Until nobody else has the addresses, they are not used (RFC 4862, 5.4).
  EXPECT_TRUE(Eventually([&] {
    return other.Run("ip -6 addr show dev eth0 tentative").out.empty() &&
           Host("ip -6 addr show dev cable tentative").out.empty();
  }));
  // And a worker of the kernel's has to have come to those that are nobody else's.
  const std::string inside =
      "nsenter -t " + RunOk({"inspect", "--format", "{{.State.Pid}}", "web"}) + " -n ";
  const auto is_local = [](const std::string& command, const std::string& address) {
    return Host(command + "ip -6 route get " + address).out.starts_with("local ");
  };
  EXPECT_TRUE(Eventually([&] {
    return is_local("", NetworkField("web", "six", "IPv6Gateway")) &&
           is_local(inside, NetworkField("web", "six", "GlobalIPv6Address"));
  }));
  EXPECT_EQ(other.Run(Call("[2001:db8::1]", 8080)).out, "web to 2001:db8::2\n");
  EXPECT_EQ(Host(Call("[::1]", 8080)).out,
            "web to " + NetworkField("web", "six", "IPv6Gateway") + "\n");
  EXPECT_NE(Run({"run", "--rm", "--network", "six", "-p", "[::]:8080:80", Busybox(), "true"}).code,
            0);
  RunOk({"network", "disconnect", "six", "web"});
  EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
  EXPECT_EQ(other.Run(Call("[2001:db8::1]", 8080)).out,
            "web to " + NetworkField("web", "four", "Gateway") + "\n")
      << "by IPv4 now";
  // The other way round: each family by the first network that has it.
  RunOk({"network", "connect", "six", "web"});
  for (const char* again : {"connected", "restarted"}) {
    SCOPED_TRACE(again);
    EXPECT_EQ(Ports("web"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
    EXPECT_TRUE(Eventually([&] {
      return other.Run("curl -s -m 3 http://[2001:db8::1]:8080/cgi-bin/who").out ==
             "web to 2001:db8::2\n";
    }));
    EXPECT_EQ(RunOk({"exec", "web", "sh", "-c", "ip route; ip -6 route"}).find("default via"), 0u);
    EXPECT_EQ(RunOk({"exec", "web", "sh", "-c", "ip -6 route show default | cut -d' ' -f1-3"}),
              "default via " + NetworkField("web", "six", "IPv6Gateway"));
    if (again == std::string("connected")) RunOk({"restart", "-t", "0", "web"});
    EXPECT_TRUE(Eventually([&] {
      return RunOk({"exec", "web", "netstat", "-ltn"}).find(":80 ") != std::string::npos;
    }));
  }
  RunOk({"network", "disconnect", "six", "web"});
  const std::string gateway = NetworkField("web", "four", "Gateway");
  EXPECT_EQ(Host(Call("127.0.0.1", 8080)).out, "web to " + gateway + "\n");

  // An address of a family that the container has none of.
  Serve("plain", {"--network", "four", "-p", "[::]:8081:80", "-p", "[2001:db8::1]:8082:80"});
  EXPECT_EQ(Ports("plain"), "[2001:db8::1]:8082->80/tcp, [::]:8081->80/tcp");
  for (int port : {8081, 8082}) {
    EXPECT_EQ(other.Run(Call("[2001:db8::1]", port)).out, "plain to " + gateway + "\n") << port;
  }
  EXPECT_NE(Host(Call("127.0.0.1", 8081)).code, 0);
}

TEST_F(Publish, TheHostsIpv6LoopbackIsForwardedByAProcessThatIsThereWhenItIsNeeded) {
  Background busy({.argv = {"perl", "-MIO::Select", "-MIO::Socket::IP", "-e",
                            "$| = 1; $s = IO::Socket::IP->new(Listen => 1, LocalAddr => '::1', "
                            "LocalPort => 9000) or die; print \"ready\\n\"; <STDIN>"}});
  ASSERT_TRUE(busy.WaitForOut("ready"));
  const std::string in_use =
      fmt::format("port [::1]:9000/tcp is in use by perl (pid {})", busy.pid());
  const Output taken = Run({"run", "--rm", "-p", "[::1]:9000:80", Busybox(), "true"});
  EXPECT_NE(taken.err.find(in_use), std::string::npos) << taken;
  // Nobody asked for that in so many words.
  const Output beside =
      Run({"run", "-d", "--name", "beside", "-p", "9000:80", Busybox(), "sleep", "3600"});
  EXPECT_EQ(beside.code, 0) << beside;
  EXPECT_NE(beside.err.find(fmt::format("-p: port [::]:9000/tcp is in use by perl (pid {}): the "
                                        "port is reached by IPv4 alone",
                                        busy.pid())),
            std::string::npos)
      << beside;
  EXPECT_EQ(Ports("beside"), "0.0.0.0:9000->80/tcp");

  const std::string id =
      Serve("web", {"-p", "8080:80", "-p", "[::1]:8081:80", "-p", "5353:53/udp"});
  EXPECT_EQ(Ports("web"),
            "0.0.0.0:5353->53/udp, [::]:5353->53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, "
            "[::1]:8081->80/tcp");
  const auto monitor = [&] {
    const std::string text = ReadFileIfThere(run() + "/containers/" + id + "/state.json");
    const Json state = Json::parse(text, nullptr, false);
    return state.is_object() ? state.value("monitor_pid", 0) : 0;
  };
  const auto forwarder = [&] {
    return Host(fmt::format(
                    "grep -lE '^PPid:.{}$' /proc/[0-9]*/status | xargs grep -l hoy-forward | "
                    "cut -d / -f 3",
                    monitor()))
        .out;
  };
  EXPECT_EQ(forwarder(), "");
  Background server(
      {.argv = {"nsenter", "-t", RunOk({"inspect", "--format", "{{.State.Pid}}", "web"}), "-n",
                "perl", "-MIO::Socket::INET", "-e",
                "$| = 1; $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 53) or die;"
                "print \"ready\n\"; $s->send(\"heard $m\") while defined $s->recv($m, 99)"}});
  Background client({.argv = {"perl", "-MIO::Select", "-MIO::Socket::IP", "-e",
                              "$| = 1; $s = IO::Socket::IP->new(Proto => 'udp', PeerAddr => '::1', "
                              "PeerPort => 5353);" +
                                  kAsk}});
  ASSERT_TRUE(server.WaitForOut("ready"));
  client.Write("a\n");
  EXPECT_TRUE(client.WaitForOut("heard a"));
  EXPECT_EQ(Host(Call("[::1]", 8080)).out, "web to 172.17.0.1\n");
  EXPECT_EQ(Host(Call("[::1]", 8081)).out, "web to 172.17.0.1\n");
  const std::string pid = forwarder().substr(0, forwarder().find('\n'));
  ASSERT_NE(pid, "");
  EXPECT_EQ(CgroupsOf(pid), CgroupsOf(RunOk({"inspect", "--format", "{{.State.Pid}}", "web"})));
  EXPECT_EQ(RunOk({"top", "web"}).find("hoy-forward"), std::string::npos);
  EXPECT_EQ(Host("readlink /proc/" + pid + "/fd/[0-2]").out, "/dev/null\n/dev/null\n/dev/null\n");

  // A monitor that is lost takes it along; the next one has the ports again.
  const int lost = monitor();
  ::kill(lost, SIGKILL);
  ASSERT_TRUE(Eventually([&] {
    RunOk({"ps", "-a"});
    return monitor() != lost;
  }));
  EXPECT_EQ(Host(Call("[::1]", 8080)).out, "web to 172.17.0.1\n");
  EXPECT_NE(Run({"run", "--rm", "-p", "[::1]:8080:80", Busybox(), "true"}).code, 0);
  RunOk({"rm", "-f", "web"});
  RunOk({"run", "--rm", "-p", "[::1]:8080:80", Busybox(), "true"});
}

// With few descriptors there is room for few connections.
TEST_F(Publish, WhoConnectsToTheLoopbackAndSaysNothingShutsNoPort) {
  const Output started = HostShell("ulimit -n 220; $HOY run -d --name few -p 8080:80 -p 8081:81 " +
                                   Busybox() + " sleep 3600");
  ASSERT_EQ(started.code, 0) << started;
  const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", "few"});
  Background server({.argv = {"nsenter", "-t", pid, "-n", "perl", "-MIO::Socket::INET", "-e",
                              "$| = 1; sub at { IO::Socket::INET->new(Listen => 200, LocalPort => "
                              "$_[0]) or die } $mute = at(81); $s = at(80); print \"ready\\n\";"
                              "while ($c = $s->accept) { print $c \"here\\n\"; close $c }"}});
  ASSERT_TRUE(server.WaitForOut("ready"));
  Background silent(
      {.argv = {"perl", "-MIO::Select", "-MIO::Socket::IP", "-e",
                "$| = 1; push @all, IO::Socket::IP->new(PeerAddr => '::1', PeerPort => 8081) or die"
                " for 1 .. 150; print \"ready\\n\"; <STDIN>"}});
  ASSERT_TRUE(silent.WaitForOut("ready"));
  EXPECT_EQ(Host("timeout 60 bash -c 'cat < /dev/tcp/::1/8080'").out, "here\n");
}

TEST_F(Publish, SaysWhereItHasNoEffect) {
  for (const char* mode : {"none", "host"}) {
    const Output output = Run({"run", "--rm", "--network", mode, "-p", "1:1", Busybox(), "true"});
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_NE(output.err.find("-p has no effect with --network " + std::string(mode)),
              std::string::npos)
        << output;
  }
  EXPECT_EQ(Run({"run", "--rm", "-p", "[::]:80:80/sctp", Busybox(), "true"}).code, 125);
  for (const char* wrong : {"x", "80:0", "1:2:3:4"}) {
    EXPECT_EQ(Run({"create", "-p", wrong, Busybox()}).code, 125) << wrong;
  }
}

}  // namespace
}  // namespace hoy::test
