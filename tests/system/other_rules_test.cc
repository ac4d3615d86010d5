// Other firewalls on the host: who is in the way of containers is named, with what helps, and who
// is not is not.

#include <fmt/core.h>

#include <filesystem>

#include "tests/system/publish_fixture.h"

namespace hoy::test {
namespace {

// What Docker 28 makes of its default bridge.
const char* const kDocker = R"(iptables-nft-restore --noflush <<'END'
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
END
)";

const char* const kUfw = R"(iptables-nft-restore --noflush <<'END'
*filter
:FORWARD DROP [0:0]
:ufw-after-forward - [0:0]
:ufw-after-logging-forward - [0:0]
:ufw-before-forward - [0:0]
:ufw-before-logging-forward - [0:0]
:ufw-reject-forward - [0:0]
:ufw-track-forward - [0:0]
:ufw-user-forward - [0:0]
-A FORWARD -j ufw-before-logging-forward
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A FORWARD -j ufw-after-logging-forward
-A FORWARD -j ufw-reject-forward
-A FORWARD -j ufw-track-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -p icmp -m icmp --icmp-type 3 -j ACCEPT
-A ufw-before-forward -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-forward -j ufw-user-forward
-A ufw-after-logging-forward -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
COMMIT
END
)";

const char* const kFirewalld = R"(nft -f - <<'END'
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    ip6 daddr { ::/96, 2002::/24 } reject with icmpv6 addr-unreachable
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES {
    iifname "cable" goto filter_FWD_public
    goto filter_FWD_public
  }
  chain filter_FORWARD_POLICIES_pre { jump filter_FWD_policy_allow-host-ipv6; }
  chain filter_FORWARD_POLICIES_post { }
  chain filter_FWD_policy_allow-host-ipv6 { }
  chain filter_FWD_public {
    jump filter_FORWARD_POLICIES_pre
    jump filter_FWD_public_allow
    jump filter_FORWARD_POLICIES_post
    reject with icmpx admin-prohibited
  }
  chain filter_FWD_public_allow { }
  chain filter_FWD_trusted { accept; }
}
END
)";

const char* const kNetavark = R"(nft -f - <<'END'
table inet netavark {
  chain INPUT { type filter hook input priority filter; policy accept; }
  chain FORWARD {
    type filter hook forward priority filter; policy accept;
    ct state invalid drop
    jump NETAVARK-ISOLATION-1
  }
  chain NETAVARK-ISOLATION-1 { iifname "podman0" oifname != "podman0" jump NETAVARK-ISOLATION-2; }
  chain NETAVARK-ISOLATION-2 { oifname "podman0" drop; jump NETAVARK-ISOLATION-3; }
  chain NETAVARK-ISOLATION-3 { oifname "podman0" drop; jump NETAVARK-ISOLATION-2x; }
  chain NETAVARK-ISOLATION-2x { }
  chain NETAVARK-HOSTPORT-DNAT { tcp dport 9090 jump nv_dnat; }
  chain nv_dnat { ip protocol tcp dnat ip to 10.88.0.2:80; }
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump NETAVARK-HOSTPORT-DNAT
  }
}
END
)";

const char* const kNetavarkOfIptables = R"(iptables-nft-restore --noflush <<'END'
*filter
:FORWARD ACCEPT [0:0]
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall rules" -j NETAVARK_FORWARD
-A NETAVARK_FORWARD -m conntrack --ctstate INVALID -j DROP
-A NETAVARK_FORWARD -d 10.88.0.0/16 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A NETAVARK_FORWARD -s 10.88.0.0/16 -j ACCEPT
COMMIT
*nat
:NETAVARK-DN-1 - [0:0]
:NETAVARK-HOSTPORT-DNAT - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 9090 -j NETAVARK-DN-1
-A NETAVARK-DN-1 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.88.0.2:80
COMMIT
END
)";

class OtherFirewalls : public Publish {
 protected:
  static bool Has(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
  }
  // What a warning names as the command that helps.
  static std::string RemedyIn(const std::string& said) {
    const std::string mark = "to let them in: ";
    const size_t at = said.find(mark);
    if (at == std::string::npos) return "false";
    return said.substr(at + mark.size(), said.find('\n', at) - at - mark.size());
  }
  std::string Bridge() const {
    return Json::parse(RunOk({"network", "inspect", "bridge"}))[0]["NetworkInterface"];
  }
  static std::string ShortCall() { return "curl -s -m 1 http://203.0.113.1:8080/cgi-bin/who"; }
};

TEST_F(OtherFirewalls, WhoBlocksPublishedPortsIsNamedWithWhatHelps) {
  struct Case {
    const char* name;
    const char* rules;
    const char* named;
    // What the programs of that firewall, which are not here, would do.
    const char* programs;
  };
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  for (
      const Case& one : {
          Case{"Docker", kDocker, "rules of Docker (chain FORWARD of table ip filter) keep others",
               "iptables() { iptables-nft \"$@\"; }; "},
          Case{"ufw", kUfw, "rules of ufw (chain FORWARD of table ip filter) keep others",
               "ufw() { if [ $3 = out ]; then iptables-nft -A ufw-user-forward -o $5 -j ACCEPT; "
               "else iptables-nft -A ufw-user-forward -i $5 -j ACCEPT; fi; }; "},
          Case{"a person", "iptables-nft -P FORWARD DROP",
               "rules of nftables (chain FORWARD of table ip filter) keep others", ""},
          Case{
              "one jump away",
              "nft add table inet own; nft add chain inet own rest; nft add rule inet own rest "
              "counter drop; nft add chain inet own onward '{ type filter hook forward priority 0; "
              "}'; nft add rule inet own onward ct state established accept; nft add rule inet own "
              "onward goto rest",
              "rules of nftables (chain onward of table inet own) keep others", ""},
      }) {
    SCOPED_TRACE(one.name);
    ASSERT_EQ(Host(one.rules).code, 0);
    std::string said;
    Serve("web", {"-p", "8080:80"}, &said);
    EXPECT_TRUE(Has(said, one.named)) << said;
    EXPECT_NE(other.Run(ShortCall()).code, 0);
    const Output helped = Host(one.programs + RemedyIn(said));
    EXPECT_EQ(helped.code, 0) << helped;
    EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
    RunOk({"rm", "-f", "web"});
    Serve("web", {"-p", "8080:80"}, &said);
    EXPECT_EQ(said, "");
    RunOk({"rm", "-f", "web"});
    Host("nft flush ruleset");
  }
}

TEST_F(OtherFirewalls, WhoLetsPublishedPortsThroughIsInNobodysWay) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  ASSERT_EQ(Host(kFirewalld).code, 0);
  std::string said;
  Serve("web", {"-p", "8080:80"}, &said);
  EXPECT_EQ(said, "");
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
  // What a container sends is another matter, which is told once.
  const std::string ping = "ping -c 1 -W 1 203.0.113.2 >/dev/null && echo reached";
  const Output output = RunShell(ping);
  EXPECT_EQ(output.out, "");
  EXPECT_TRUE(Has(output.err,
                  fmt::format("rules of firewalld (chain filter_FORWARD of table inet firewalld) "
                              "keep containers from what is beyond the host; to let them out: "
                              "firewall-cmd --zone=trusted --add-interface={}\n",
                              Bridge())))
      << output;
  EXPECT_EQ(RunShell(ping).err, "");
  Host("nft insert rule inet firewalld filter_FORWARD_ZONES iifname " + Bridge() +
       " goto filter_FWD_trusted");
  EXPECT_EQ(RunShell("until ping -c 1 -W 3 203.0.113.2 >/dev/null; do :; done; echo reached").out,
            "reached\n");
}

TEST_F(OtherFirewalls, PodmansRulesAndHoysLiveSideBySide) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  const OtherHost pod("podman0", "10.88.0.1/16", "10.88.0.2/16");
  ASSERT_EQ(pod.Run("ip route add default via 10.88.0.1").code, 0);
  std::filesystem::create_directory(Path("www"));
  WriteFile(Path("www/index.html"), "podman's\n");
  Background server = pod.Start("exec busybox httpd -f -p 80 -h " + Path("www"));
  ASSERT_TRUE(Eventually([&] { return !pod.Run("ss -Hltn 'sport = :80'").out.empty(); }));
  for (const char* rules : {kNetavark, kNetavarkOfIptables}) {
    ASSERT_EQ(Host(rules).code, 0);
    std::string said;
    Serve("web", {"-p", "8080:80"}, &said);
    EXPECT_EQ(said, "");
    EXPECT_EQ(RunShell("true").err, "");
    EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
    EXPECT_EQ(other.Run("curl -s -m 60 http://203.0.113.1:9090/").out, "podman's\n");
    RunOk({"rm", "-f", "web"});
    Host("nft flush ruleset");
  }
}

TEST_F(OtherFirewalls, LegacyRulesBesideNftablesAreSeen) {
  const OtherHost other("cable", "203.0.113.1/24", "203.0.113.2/24");
  ASSERT_EQ(Host("iptables-legacy -P FORWARD DROP").code, 0);
  std::string said;
  Serve("web", {"-p", "8080:80"}, &said);
  EXPECT_TRUE(Has(said,
                  "rules of iptables-legacy (chain FORWARD of table ip filter) keep others "
                  "from the published ports; to let them in: iptables-legacy -I FORWARD"))
      << said;
  EXPECT_NE(other.Run(ShortCall()).code, 0);
  EXPECT_EQ(Host(RemedyIn(said)).code, 0);
  EXPECT_EQ(other.Run(Call("203.0.113.1", 8080)).out, "web to 203.0.113.2\n");
  const Output again = Run({"restart", "-t", "0", "web"});
  EXPECT_EQ(again.err, "") << again;
}

TEST_F(OtherFirewalls, RestartConnectAndCheckSayIt) {
  Serve("web", {"-p", "8080:80"});
  RunOk({"network", "create", "more"});
  EXPECT_EQ(RunOk({"system", "check"}), "");
  ASSERT_EQ(Host("nft add table inet own; nft add chain inet own onward "
                 "'{ type filter hook forward priority 0; policy drop; }'")
                .code,
            0);
  const std::string rules = "rules of nftables (chain onward of table inet own) keep ";
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"restart", "-t", "0", "web"},
        {"network", "connect", "more", "web"}}) {
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 0) << output;
    EXPECT_TRUE(Has(output.err, rules + "others from the published ports")) << output;
  }
  RunOk({"network", "disconnect", "more", "web"});
  StartSleeper({"--name", "quiet", "--network", "more"});
  for (int i = 0; i < 2; ++i) {
    const Output output =
        Run({"system", "check", "--format", "{{.Object}}|{{.Problem}}|{{.Outcome}}|{{.Mended}}"});
    EXPECT_EQ(output.code, 1);
    EXPECT_EQ(output.out.find(fmt::format("network 'bridge'|{}others from the published ports|nft "
                                          "insert rule inet own onward oifname {}",
                                          rules, Bridge())),
              0u)
        << output;
    EXPECT_TRUE(Has(output.out, "network 'more'|" + rules +
                                    "containers from what is beyond the host|nft insert rule"))
        << output;
    EXPECT_FALSE(Has(output.out, "true")) << output;
  }
  EXPECT_TRUE(Has(Host("nft list chain inet own onward").out, "policy drop"));
  RunOk({"rm", "-f", "web", "quiet"});
  EXPECT_EQ(RunOk({"system", "check"}), "") << "nobody is kept from anything";
}

}  // namespace
}  // namespace hoy::test
