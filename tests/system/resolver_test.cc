// What programs in a container are told that ask DNS themselves.

#include <fmt/core.h>
#include <signal.h>

#include "tests/support/network_sandbox.h"
#include "tests/system/name_server.h"

namespace hoy::test {
namespace {

class Resolver : public NetworkSandbox {
 protected:
  void SetUp() override {
    NetworkSandbox::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    RunOk({"network", "create", "--subnet", "10.1.0.0/24", "app"});
    Host("ip addr add 192.0.2.53/32 dev lo; ip addr add 192.0.2.54/32 dev lo");
  }

  std::string Start(const std::string& name, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"--name", name, "--network", "app", "--dns-search", "."});
    return StartSleeper(std::move(options));
  }
  Output In(const std::string& container, const std::string& script) const {
    return Run({"exec", container, "sh", "-c", script});
  }
  // What busybox's nslookup makes of it: the addresses of the answers, or what went wrong. Its
  // patience is 5 s, which are soon over on a busy machine.
  std::string Ask(const std::string& container, const std::string& name,
                  const std::string& type = "a") const {
    return In(container,
              fmt::format("for i in 1 2 3 4 5; do nslookup -type={} {} >/tmp/answer 2>&1; "
                          "grep -q 'timed out' /tmp/answer || break; done; "
                          "awk 'NR > 2 && /^Address|name =|^\\*\\*/ {{ print $NF }}' /tmp/answer",
                          type, name))
        .out;
  }
  // One message by TCP: the number of bytes that came back.
  std::string AskByTcp(const std::string& container, const std::string& name) const {
    std::string query = "\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00";
    query += fmt::format("\\x{:02x}{}\\x00\\x00\\x01\\x00\\x01", name.size(), name);
    return In(container, fmt::format("printf '\\x00\\x{:02x}{}' | nc -w 60 127.0.0.11 53 | "
                                     "head -c $((0x7fffffff)) | wc -c",
                                     name.size() + 18, query))
        .out;
  }
  int MonitorOf(const std::string& id) const {
    const std::string state = ReadFileIfThere(run() + "/containers/" + id + "/state.json");
    const size_t at = state.find("\"monitor_pid\":");
    return at == std::string::npos ? 0 : std::atoi(state.c_str() + at + 14);
  }
};

TEST_F(Resolver, KnowsTheMembersAndAsksTheServersForTheRest) {
  const NameServer server("192.0.2.53", {{"far", {.address = "203.0.113.7"}},
                                         {"long", {.address = "203.0.113.8", .only_by_tcp = true}},
                                         {"huge", {.bytes = 60'000, .only_by_tcp = true}}});
  const std::string one = Start("one", {"--dns", "192.0.2.53", "--add-host", "db:192.0.2.9"});
  Start("two", {"--network-alias", "second", "--dns", "192.0.2.53"});
  EXPECT_EQ(In("one", "cat /etc/resolv.conf").out.substr(0, 22), "nameserver 127.0.0.11\n");
  EXPECT_EQ(Ask("one", "two"), "10.1.0.3\n");
  EXPECT_EQ(Ask("one", "SeconD"), "10.1.0.3\n");
  EXPECT_EQ(Ask("one", "db"), "192.0.2.9\n");
  EXPECT_EQ(Ask("two", one.substr(0, 12)), "10.1.0.2\n");
  EXPECT_EQ(Ask("one", "two", "aaaa"), "");
  EXPECT_EQ(Ask("one", "3.0.1.10.in-addr.arpa", "ptr"), "two\n");
  EXPECT_EQ(server.asked("two"), 0);
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
  EXPECT_EQ(Ask("one", "nowhere"), "NXDOMAIN\n");
  EXPECT_EQ(AskByTcp("one", "two"), fmt::format("{}\n", 2 + 12 + 5 + 4 + 16));
  EXPECT_EQ(AskByTcp("one", "far"), fmt::format("{}\n", 2 + 12 + 5 + 4 + 16));
  EXPECT_EQ(AskByTcp("one", "huge"), fmt::format("{}\n", 2 + 12 + 6 + 4 + 12 + 60'000));
  RunOk({"rename", "two", "deux"});
  EXPECT_EQ(Ask("one", "deux"), "10.1.0.3\n");
  EXPECT_EQ(Ask("one", "two"), "NXDOMAIN\n");
  EXPECT_GE(server.asked("two"), 1);
}

TEST_F(Resolver, AsksTheHostsServersAlsoOnItsLoopback) {
  const NameServer stub("127.0.0.53", {{"far.a.example", {.address = "203.0.113.7"}}});
  WriteFile(Path("resolv.conf"), "nameserver 127.0.0.53\noptions edns0\nsearch a.example\n");
  const Output started = HostShell(fmt::format(
      "unshare -m sh -c 'mount --bind $DIR/resolv.conf /etc/resolv.conf && exec $HOY run -d --name "
      "one --network app {} sleep 1000000'",
      Busybox()));
  ASSERT_EQ(started.code, 0) << started;
  EXPECT_EQ(In("one", "cat /etc/resolv.conf").out,
            "nameserver 127.0.0.11\nsearch a.example\noptions edns0 ndots:0\n");
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
}

TEST_F(Resolver, ServersThatAreSilentRefuseOrAreGoneAreFollowedByTheNext) {
  const NameServer first("192.0.2.53", {{"far", {.code = 2}}, {"slow", {.silent = true}}});
  const NameServer second(
      "192.0.2.54", {{"far", {.address = "203.0.113.7"}}, {"slow", {.address = "203.0.113.8"}}});
  Start("one", {"--dns", "192.0.2.53", "--dns", "192.0.2.54"});
  EXPECT_EQ(AskByTcp("one", "slow"), fmt::format("{}\n", 2 + 12 + 6 + 4 + 16));
  EXPECT_EQ(Ask("one", "slow"), "203.0.113.8\n");
  RunOk({"restart", "-t", "0", "one"});  // it knows no better again
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
  // Nobody listens there.
  Start("two", {"--dns", "192.0.2.99", "--dns", "192.0.2.54"});
  EXPECT_EQ(Ask("two", "far"), "203.0.113.7\n");
  EXPECT_EQ(AskByTcp("two", "far"), fmt::format("{}\n", 2 + 12 + 5 + 4 + 16));
}

TEST_F(Resolver, AnInternalNetworkAsksNobody) {
  const NameServer server("192.0.2.53", {{"far", {.address = "203.0.113.7"}}});
  RunOk({"network", "create", "--internal", "--subnet", "10.2.0.0/24", "db"});
  StartSleeper({"--name", "one", "--network", "db", "--dns", "192.0.2.53", "--dns-search", "."});
  EXPECT_EQ(Ask("one", "one"), "10.2.0.2\n");
  EXPECT_EQ(Ask("one", "far"), "SERVFAIL\n");
  EXPECT_EQ(server.asked("far"), 0);
  RunOk({"network", "connect", "app", "one"});
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
  RunOk({"network", "disconnect", "app", "one"});
  EXPECT_EQ(Ask("one", "far"), "SERVFAIL\n");
}

// A server of the container's own: it answers whatever it is asked with one address.
TEST_F(Resolver, ServersInTheContainerAreAskedByItsPrograms) {
  const NameServer server("192.0.2.53",
                          {{"far", {.address = "203.0.113.7"}}, {"own", {.code = 2}}});
  const auto serve = [&](const std::string& container) {
    const std::string pid = RunOk({"inspect", "--format", "{{.State.Pid}}", container});
    Background own(
        {.argv = {
             "nsenter", "-t", pid, "-n", "perl", "-MIO::Socket::INET", "-e",
             "$| = 1; $s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', "
             "LocalPort => 53) or die; print \"ready\\n\";"
             "while (defined($from = $s->recv($q, 512))) { $q =~ /^(..).{10}([^\\0]*\\0....)/s;"
             "$s->send($1 . pack('n5', 0x8180, 1, 1, 0, 0) . $2 ."
             "pack('n3Nn', 0xc00c, 1, 1, 60, 4) . pack('C4', 198, 51, 100, 1)) }"}});
    EXPECT_TRUE(own.WaitForOut("ready"));
    return own;
  };
  // By the C library, which goes on where one server has failed; nslookup does not.
  const auto asks_on = [&](const std::string& container) {
    return In(container, "ping -c 1 -W 1 own | head -n 1").out;
  };
  StartSleeper({"--name", "two", "--network", "app"});
  Output output = Run({"run", "-d", "--name", "one", "--network", "app", "--dns", "127.0.0.1",
                       "--dns-search", ".", Busybox(), "sleep", "1000000"});
  EXPECT_EQ(output.code, 0);
  EXPECT_EQ(output.err, "");
  EXPECT_EQ(In("one", "cat /etc/resolv.conf").out,
            "nameserver 127.0.0.11\nnameserver 127.0.0.1\noptions ndots:0\n");
  const Background own = serve("one");
  EXPECT_EQ(Ask("one", "two"), "10.1.0.2\n");
  EXPECT_EQ(asks_on("one"), "PING own (198.51.100.1): 56 data bytes\n");
  // Not in the order in which they were named.
  output = Run({"run", "-d", "--name", "both", "--network", "app", "--dns", "127.0.0.1", "--dns",
                "192.0.2.53", "--dns-search", ".", Busybox(), "sleep", "1000000"});
  EXPECT_NE(output.err.find("--dns 127.0.0.1: not asked by the resolver of network 'app'"),
            std::string::npos)
      << output;
  const Background other = serve("both");
  EXPECT_EQ(Ask("both", "far"), "203.0.113.7\n");
  EXPECT_EQ(asks_on("both"), "PING own (198.51.100.1): 56 data bytes\n");
}

TEST_F(Resolver, LeavesPort53ToTheContainer) {
  Start("one", {"--dns", "192.0.2.53"});
  EXPECT_EQ(In("one",
               "echo mine | timeout 60 nc -l -p 53 >/dev/null & "
               "until netstat -ltn | grep -q ':53 '; do sleep 0.05; done; "
               "nc -w 60 127.0.0.1 53 </dev/null")
                .out,
            "mine\n");
  EXPECT_EQ(Ask("one", "one"), "10.1.0.2\n");
}

TEST_F(Resolver, IsThereAgainWithAnotherMonitor) {
  const NameServer server("192.0.2.53", {{"far", {.address = "203.0.113.7"}}});
  const std::string id = Start("one", {"--dns", "192.0.2.53"});
  const int monitor = MonitorOf(id);
  ASSERT_GT(monitor, 0);
  ::kill(monitor, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return !Lives(monitor); }));
  RunOk({"ps"});
  EXPECT_EQ(Ask("one", "one"), "10.1.0.2\n");
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
}

TEST_F(Resolver, ComesWithALateNetworkAndSoDoPorts) {
  const NameServer server("192.0.2.53", {{"far", {.address = "203.0.113.7"}}});
  Start("two", {"--dns", "192.0.2.53"});
  const std::string id =
      RunOk({"run",   "-d",      "-i",    "--name",     "late",         "--network", "none",
             "-p",    "8082:80", "--dns", "192.0.2.53", "--dns-search", ".",         Busybox(),
             "httpd", "-f",      "-p",    "80",         "-h",           "/etc"});
  ASSERT_TRUE(
      Eventually([&] { return In("late", "netstat -ltn").out.find(":80 ") != std::string::npos; }));
  const auto fetch = [] { return Host("curl -s -m 60 http://127.0.0.1:8082/hostname").code; };
  EXPECT_EQ(In("late", "cat /etc/resolv.conf").out, "nameserver 192.0.2.53\n");
  EXPECT_EQ(Run({"port", "late"}).out, "");
  const std::string inode = In("late", "stat -c %i /etc/resolv.conf").out;
  RunOk({"network", "connect", "--alias", "tardy", "app", "late"});
  EXPECT_EQ(In("late", "cat /etc/resolv.conf").out, "nameserver 127.0.0.11\noptions ndots:0\n");
  EXPECT_EQ(In("late", "stat -c %i /etc/resolv.conf").out, inode);
  EXPECT_EQ(Ask("late", "two"), "10.1.0.2\n");
  EXPECT_EQ(Ask("two", "tardy"), "10.1.0.3\n");
  EXPECT_EQ(Ask("late", "far"), "203.0.113.7\n");
  EXPECT_EQ(RunOk({"port", "late"}), "80/tcp -> 0.0.0.0:8082\n80/tcp -> [::]:8082");
  EXPECT_EQ(fetch(), 0);
  const Output busy = Run({"run", "--rm", "--network", "app", "-p", "8082:1", Busybox(), "true"});
  EXPECT_NE(busy.err.find("in use by container 'late'"), std::string::npos) << busy;
  // Without a network nothing is known and nothing held; and then all is there again.
  RunOk({"network", "disconnect", "app", "late"});
  EXPECT_EQ(Ask("late", "two"), "SERVFAIL\n");
  RunOk({"run", "--rm", "--network", "app", "-p", "8082:1", Busybox(), "true"});
  RunOk({"network", "connect", "app", "late"});
  EXPECT_EQ(Ask("late", "two"), "10.1.0.2\n");
  EXPECT_EQ(fetch(), 0);
  const int monitor = MonitorOf(id);
  ASSERT_GT(monitor, 0);
  ::kill(monitor, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return !Lives(monitor); }));
  RunOk({"ps"});
  EXPECT_EQ(Ask("late", "two"), "10.1.0.2\n");
  EXPECT_EQ(fetch(), 0);
  RunOk({"restart", "-t", "0", "late"});
  EXPECT_EQ(Ask("late", "two"), "10.1.0.2\n");
  EXPECT_EQ(RunOk({"port", "late"}), "80/tcp -> 0.0.0.0:8082\n80/tcp -> [::]:8082");
}

TEST_F(Resolver, StandsWhatAContainerSends) {
  const NameServer server("192.0.2.53",
                          {{"far", {.address = "203.0.113.7"}}, {"slow", {.silent = true}}});
  const std::string id = Start("one", {"--dns", "192.0.2.53"});
  // More connections than there are places, questions that nobody answers, and noise.
  In("one",
     "for i in $(seq 12); do (sleep 1000 | nc 127.0.0.11 53) & done >/dev/null 2>&1; "
     "for i in $(seq 40); do nslookup -type=a slow & done >/dev/null 2>&1; "
     "for i in $(seq 20); do head -c $((i * 40)) /dev/urandom | nc -u -w 1 127.0.0.11 53 & "
     "noise=\"$noise $!\"; done; wait $noise");
  EXPECT_EQ(Ask("one", "far"), "203.0.113.7\n");
  EXPECT_EQ(Ask("one", "one"), "10.1.0.2\n");
}

}  // namespace
}  // namespace hoy::test
