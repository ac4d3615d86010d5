// The rules as iptables-legacy(8) and its kernel have them.

#include "net/firewall/iptables_firewall.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/unit/net/firewall_fixture.h"

namespace hoy::net {
namespace {

class IptablesLive : public FirewallLive {
 protected:
  void OpenFirewall() override { firewall_.emplace(Another()); }
  static Firewall Another() {
    auto iptables = IptablesFirewall::Open();
    EXPECT_TRUE(iptables) << iptables.error().message;
    return Firewall(std::make_unique<IptablesFirewall>(*std::move(iptables)));
  }
  // Without counters and comments of its own.
  static std::string List() {
    return Shell("{ iptables-legacy-save; ip6tables-legacy-save; } | grep ^-");
  }
  void PublishFirst() {
    std::vector<PublishedPort> ports = {Port("0.0.0.0", 8080, "10.1.0.2", 80),
                                        Port("203.0.113.1", 9000, "10.1.0.2", 9, IPPROTO_SCTP),
                                        Port("::", 8080, "fd00:1::2", 80)};
    ExpectOk(firewall_->Publish("container-a", ports));
  }
};

TEST_F(IptablesLive, WhatIsMissingIsMadeAgainAndNothingIsLost) {
  EXPECT_TRUE(firewall_->was_mended());
  PublishFirst();
  const std::string whole = List();
  for (const char* harm :
       {"iptables-legacy -w 60 -F FORWARD", "iptables-legacy -w 60 -t nat -F OUTPUT",
        "iptables-legacy -w 60 -t raw -F PREROUTING",
        "ip6tables-legacy -w 60 -t nat -F POSTROUTING",
        "iptables-legacy -w 60 -I HOY-FORWARD -j ACCEPT", "iptables-legacy -w 60 -F HOY-FORWARD"}) {
    ASSERT_EQ(Shell(harm), "");
    ASSERT_NE(List(), whole) << harm;
    EXPECT_FALSE(Get(firewall_->IsWhole())) << harm;
    Firewall another = Another();
    ExpectOk(another.AddNetwork(Web()));
    EXPECT_EQ(List(), whole) << harm;
    EXPECT_TRUE(another.was_mended()) << harm;
  }
  ASSERT_EQ(Shell("iptables-legacy -w 60 -I FORWARD -i eth9 -j ACCEPT"), "");
  EXPECT_FALSE(Get(firewall_->IsWhole()));
  ExpectOk(Another().AddNetwork(Web()));
  EXPECT_TRUE(Get(firewall_->IsWhole()));
  EXPECT_EQ(Shell("iptables-legacy -w 60 -D FORWARD -i eth9 -j ACCEPT"), "");
  EXPECT_EQ(List(), whole);
  Firewall last = Another();
  ExpectOk(last.AddNetwork(Web()));
  EXPECT_FALSE(last.was_mended());
  EXPECT_TRUE(Get(last.IsWhole()));
  EXPECT_TRUE(Get(last.HasNetwork(Web())));
  EXPECT_EQ(Shell("iptables-legacy -w 60 -F HOY-ISOLATION"), "");
  EXPECT_FALSE(Get(last.HasNetwork(Web())));
}

// Who comes behind us waits for as long.
TEST_F(IptablesLive, OnlyWhatTheKernelRefusesIsTriedAgain) {
  char directory[] = "/tmp/iptables-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string at = directory;
  const std::string path = getenv("PATH");
  // A program that does what is in `as`, and notes what it was asked.
  EXPECT_EQ(Shell("cd " + at +
                  "; ln -s $(command -v iptables-legacy-save) .; cat >iptables-legacy-restore "
                  "<<'END'\n#!/bin/sh\necho $* >>" +
                  at + "/asked\nexit $(cat " + at + "/as)\nEND\nchmod 755 iptables-legacy-restore"),
            "");
  setenv("PATH", (at + ":" + path).c_str(), 1);
  Firewall another = Another();
  const BridgeRules rules = {"net-new", "hoy9", {Net("10.9.0.0/16")}};
  for (const auto& [code, asked] :
       {std::pair("4", "--noflush --wait=60"),
        std::pair("1",
                  "--noflush --wait=60\n--noflush --wait=60\n--noflush --wait=60\n"
                  // and by what falls back to iptables from iptables
                  "--noflush --wait=60\n--noflush --wait=60\n--noflush --wait=60")}) {
    EXPECT_EQ(Shell("cd " + at + "; rm -f asked; echo " + code + " >as"), "");
    EXPECT_FALSE(another.AddNetwork(rules)) << code;
    EXPECT_EQ(Shell("cat " + at + "/asked"), asked + std::string("\n")) << code;
  }
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(Shell("rm -r " + at), "");
}

TEST_F(IptablesLive, BesideTheRulesOfOthersItIsFirstAndLeavesThemAlone) {
  ExpectOk(firewall_->Remove("net-web"));
  ExpectOk(firewall_->Remove("net-db"));
  EXPECT_EQ(Shell("{ iptables-legacy-save; ip6tables-legacy-save; } | grep -e HOY -e ^-A"), "")
      << "the last rule takes the chains with it";
  EXPECT_FALSE(Get(firewall_->IsWhole()));

  EXPECT_EQ(
      Shell("iptables-legacy -w 60 -P FORWARD DROP; iptables-legacy -w 60 -A FORWARD -j DROP"), "");
  ExpectOk(firewall_->AddNetwork(Web()));
  PublishFirst();
  Listener outside(Address("203.0.113.2"), 80, outside_);
  EXPECT_EQ(Connect(a_, Address("203.0.113.2"), 80), "connected");
  EXPECT_EQ(outside.AcceptFrom(), "203.0.113.1");
  Listener inside(Address("0.0.0.0"), 80, a_);
  EXPECT_EQ(Connect(outside_, Address("203.0.113.1"), 8080), "connected");
  EXPECT_EQ(inside.AcceptFrom(), "203.0.113.2");

  ExpectOk(firewall_->Remove("container-a"));
  ExpectOk(firewall_->Remove("net-web"));
  ExpectOk(firewall_->Remove("net-web"));
  EXPECT_EQ(List(), "-A FORWARD -j DROP\n");
}

TEST_F(IptablesLive, WhoeverLooksFindsRulesWhereTheyAre) {
  PublishFirst();
  // This kernel has all of nf_tables, and each of these tries that first.
  const auto any = [] { return Firewall::Open().value(); };
  EXPECT_EQ(Get(any().Driver()), "iptables-legacy");
  EXPECT_EQ(Get(any().Published()).size(), 3u);
  EXPECT_TRUE(Get(any().IsWhole()));
  EXPECT_TRUE(Get(any().HasNetwork(Web())));
  ExpectOk(any().AddNetwork({"net-new", "hoy3", {Net("10.3.0.0/16")}}));
  EXPECT_NE(List().find("10.3.0.0/16"), std::string::npos);
  EXPECT_EQ(Shell("nft list tables"), "");
  for (const char* id : {"container-a", "net-new", "net-web", "net-db"}) {
    ExpectOk(any().Remove(id));
    EXPECT_EQ(Shell("nft list tables"), "") << id;
  }
  EXPECT_EQ(List(), "");
  EXPECT_EQ(Get(any().Driver()), "nftables");
  ExpectOk(any().AddNetwork(Web()));
  EXPECT_EQ(List(), "");
  EXPECT_NE(Shell("nft list tables").find("hoy"), std::string::npos);
}

TEST_F(IptablesLive, NobodyButRootCanHoldItUp) {
  // What everybody can open, and lock.
  Fd everybodys(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(flock(everybodys.get(), LOCK_EX | LOCK_NB), 0);
  ExpectOk(firewall_->AddNetwork(Web()));
  PublishFirst();
  EXPECT_EQ(Shell("stat -c %a%u /run/hoy-iptables.lock"), "6000\n");
}

TEST_F(IptablesLive, TheLockIsBesideThatOfIptablesWhereverThatIs) {
  const std::string directory = testing::TempDir() + "hoy-locks-" + std::to_string(getpid());
  ASSERT_EQ(setenv("XTABLES_LOCKFILE", (directory + "/xtables").c_str(), 1), 0);
  auto refused = firewall_->AddNetwork({"net-new", "hoy3", {Net("10.3.0.0/16")}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("XTABLES_LOCKFILE"), std::string::npos);
  ASSERT_EQ(Shell("mkdir " + directory), "");
  ExpectOk(firewall_->AddNetwork({"net-new", "hoy3", {Net("10.3.0.0/16")}}));
  EXPECT_EQ(Shell("ls " + directory + "; rm -r " + directory), "hoy-iptables.lock\nxtables\n");
  unsetenv("XTABLES_LOCKFILE");
}

TEST_F(IptablesLive, ManyPublishAtOnceAndOneGetsAPort) {
  constexpr int kMany = 6;
  std::atomic<int> winners = 0;
  Fd here = Get(CurrentNetworkNamespace());
  std::vector<std::thread> threads;
  for (int i = 0; i < kMany; ++i) {
    threads.emplace_back([&, i] {
      auto visit = NamespaceVisit::Enter(here);
      ASSERT_TRUE(visit) << visit.error().message;
      Firewall firewall = Another();
      const std::string id = fmt::format("container-{}", i);
      std::vector<PublishedPort> own = {
          Port("0.0.0.0", static_cast<uint16_t>(9000 + i), "10.1.0.2", 80)};
      std::vector<PublishedPort> common = {Port("0.0.0.0", 8000, "10.1.0.2", 80, IPPROTO_SCTP)};
      ExpectOk(firewall.Publish(id, own));
      auto done = firewall.Publish(id, common);
      if (done) ++winners;
      if (!done) {
        EXPECT_EQ(done.error().kind, ErrorKind::kConflict) << done.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(Get(firewall_->Published()).size(), size_t{kMany + 1});
}

}  // namespace
}  // namespace hoy::net
