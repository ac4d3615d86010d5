// A host whose kernel has no nf_tables: a filter refuses the socket that leads to it, as a kernel
// without nfnetlink does. The rest is iptables-legacy(8) and its part of the kernel.

#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>

#include "tests/support/network_sandbox.h"
#include "tests/support/run_behind.h"

namespace hoy::test {
namespace {

// socket(AF_NETLINK, _, NETLINK_NETFILTER)
std::vector<sock_filter> WithoutNetfilter() {
  constexpr auto kWord = [](size_t offset) {
    return sock_filter(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
  };
  constexpr size_t kFirst = offsetof(seccomp_data, args);
  constexpr size_t kThird = kFirst + 2 * sizeof(uint64_t);
  return {kWord(offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
          kWord(kFirst),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
          kWord(kThird),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

class IptablesFallback : public NetworkSandbox {
 protected:
  // What has rules is removed by who made them.
  void TearDown() override {
    (void)Behind({"rm", "-f", "web", "db"});
    NetworkSandbox::TearDown();
  }
  Output Behind(const std::vector<std::string>& arguments) const {
    return RunBehind(WithoutNetfilter(), Hoy(arguments));
  }
  std::string BehindOk(const std::vector<std::string>& arguments) const {
    const Output output = Behind(arguments);
    EXPECT_EQ(output.code, 0) << output;
    return output.out;
  }
  static std::string Rules() {
    return Host("iptables-legacy-save; ip6tables-legacy-save; nft list ruleset").out;
  }
};

TEST_F(IptablesFallback, NetworksAndPortsAreThereAllTheSame) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  const std::string ask = "curl -s -m 60 http://203.0.113.1:8080/";
  BehindOk({"network", "create", "front"});
  const Output first =
      Behind({"run", "-d", "--name", "web", "--network", "front", "-p", "8080:80", Busybox(), "sh",
              "-c", "mkdir /www; echo from web >/www/index.html; exec httpd -f -p 80 -h /www"});
  ASSERT_EQ(first.code, 0) << first;
  EXPECT_NE(first.err.find("the kernel has no nf_tables: networks and published ports are done "
                           "with iptables-legacy"),
            std::string::npos)
      << first;
  const std::string id = first.out.substr(0, 64);
  EXPECT_TRUE(Eventually([&] {
    return BehindOk({"exec", "web", "netstat", "-ltn"}).find(":80 ") != std::string::npos;
  }));
  EXPECT_EQ(other.Run(ask).out, "from web\n") << "another machine";
  EXPECT_EQ(Host("curl -s -m 60 http://127.0.0.1:8080/").out, "from web\n") << "the loopback";

  BehindOk({"network", "create", "apart"});
  BehindOk({"run", "-d", "--name", "db", "--network", "apart", Busybox(), "sleep", "1000000"});
  // It waits for 5 s alone, which are soon over on a busy machine.
  const Output asked =
      Behind({"run", "--rm", "--network", "apart", "--dns-search", ".", Busybox(), "sh", "-c",
              "for i in 1 2 3 4 5; do nslookup db && exit; done; exit 1"});
  EXPECT_EQ(asked.code, 0) << asked;
  EXPECT_EQ(asked.err.find("nf_tables"), std::string::npos) << "said once: " << asked;
  EXPECT_EQ(BehindOk({"info", "--format", "{{.FirewallBackend.Driver}}"}), "iptables-legacy\n");
  // Whoever could have nf_tables looks for the rules, and removes them, where they are.
  EXPECT_EQ(RunOk({"info", "--format", "{{.FirewallBackend.Driver}}"}), "iptables-legacy");

  EXPECT_EQ(
      Host("iptables-legacy -w 60 -t nat -F HOY-PUBLISH; iptables-legacy -w 60 -F FORWARD").code,
      0);
  const std::string found = Behind({"system", "check"}).out;
  EXPECT_NE(found.find("rules of hoy's are missing"), std::string::npos) << found;
  EXPECT_EQ(other.Run(ask).out, "from web\n") << "mended";

  EXPECT_NE(Rules().find(id), std::string::npos) << Rules();
  RunOk({"rm", "-f", "web"});
  EXPECT_EQ(Rules().find(id), std::string::npos) << Rules();
  BehindOk({"rm", "-f", "db"});
  BehindOk({"network", "rm", "apart"});
  RunOk({"network", "rm", "front"});
  EXPECT_EQ(Rules().find("HOY"), std::string::npos) << Rules();
  EXPECT_EQ(Rules().find("table inet hoy"), std::string::npos) << "nftables had no part in it";
  EXPECT_EQ(RunOk({"info", "--format", "{{.FirewallBackend.Driver}}"}), "nftables");
}

TEST_F(IptablesFallback, WithNeitherItSaysSoAndLeavesNothing) {
  Command command = Hoy({"run", "--rm", "-p", "80", Busybox(), "true"});
  command.argv.insert(command.argv.begin(),
                      {"unshare", "-m", "sh", "-c",
                       "mount --bind /dev/null $(realpath $(command -v iptables-legacy-restore)) "
                       "&& exec \"$@\"",
                       "sh"});
  const Output refused = RunBehind(WithoutNetfilter(), command);
  EXPECT_EQ(refused.code, 125) << refused;
  EXPECT_NE(refused.err.find("the kernel has no nf_tables, and iptables "), std::string::npos)
      << refused;
  EXPECT_NE(refused.err.find("iptables-legacy will do"), std::string::npos) << refused;
  EXPECT_EQ(Rules(), "");
  EXPECT_TRUE(Leases("bridge").empty());
}

}  // namespace
}  // namespace hoy::test
