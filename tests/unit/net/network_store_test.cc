#include "net/state/network_store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "core/sys/files.h"
#include "tests/unit/net/lock_waiter.h"

namespace hoy::net {
namespace {

std::string Id(char fill) {
  return std::string(64, fill);
}

class NetworkStore : public testing::Test {
 protected:
  void SetUp() override {
    std::string directory = testing::TempDir() + "hoy-networks-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    layout_ = {directory + "/data", directory + "/run"};
    directory_ = directory;
    web_ = *PlanNetwork({.name = "web", .subnets = {"10.1.0.0/29"}}, Id('a'), {});
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<> Create(const NetworkRecord& record) {
    TRY(NetworksLock lock, NetworksLock::Acquire(layout_));
    return CreateNetwork(layout_, record, lock);
  }
  std::string Take(char container, std::optional<IpAddress> wanted = {}) {
    auto address = TakeLease(layout_, web_, web_.pools[0], Id(container), wanted);
    return address ? address->ToString() : address.error().message;
  }

  core::Layout layout_;
  std::string directory_;
  NetworkRecord web_;
};

TEST_F(NetworkStore, KeepsNetworksByNameAndId) {
  EXPECT_TRUE(ListNetworks(layout_)->empty());
  ASSERT_TRUE(Create(web_));
  NetworkRecord db = *PlanNetwork({.name = "db"}, "ab" + Id('0').substr(2), {});
  ASSERT_TRUE(Create(db));
  EXPECT_EQ(Create(db).error().kind, ErrorKind::kAlreadyExists);
  auto all = ListNetworks(layout_);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->at(0).name, "db");
  EXPECT_EQ(FindNetwork(layout_, "web")->id, web_.id);
  EXPECT_EQ(FindNetwork(layout_, "ab")->name, "db");
  EXPECT_EQ(FindNetwork(layout_, web_.id)->name, "web");
  EXPECT_EQ(FindNetwork(layout_, "a").error().kind, ErrorKind::kConflict);
  for (const char* name : {"", "nothing", "../networks/web", "web.json"}) {
    EXPECT_EQ(FindNetwork(layout_, name).error().kind, ErrorKind::kNotFound) << name;
  }
}

TEST_F(NetworkStore, ARemovedNetworkLeavesNothing) {
  ASSERT_TRUE(Create(web_));
  EXPECT_EQ(Take('1'), "10.1.0.2");
  auto lock = NetworksLock::Acquire(layout_);
  ASSERT_TRUE(lock);
  ASSERT_TRUE(RemoveNetwork(layout_, "web", *lock));
  ASSERT_TRUE(RemoveNetwork(layout_, "web", *lock));
  EXPECT_TRUE(core::ListDirectory(layout_.Networks())->empty());
}

TEST_F(NetworkStore, LeasesOfAnOldNetworkAreNotThoseOfANewOne) {
  ASSERT_TRUE(Create(web_));
  EXPECT_EQ(Take('1'), "10.1.0.2");
  // As a removal leaves it that was killed between its two steps.
  ASSERT_TRUE(core::Unlink(layout_.Networks() + "/web.json"));
  ASSERT_TRUE(Create(web_));
  EXPECT_TRUE(ListLeases(layout_, web_)->empty());
}

TEST_F(NetworkStore, ADamagedRecordStopsNoOtherNetwork) {
  ASSERT_TRUE(Create(web_));
  ASSERT_TRUE(core::WriteFileAtomically(layout_.Networks() + "/bad.json", "{",
                                        core::Durability::kVolatile));
  auto all = ListNetworks(layout_);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->front().name, "web");
  EXPECT_EQ(ListDamagedNetworks(layout_).value(), std::vector<std::string>{"bad"});
  EXPECT_EQ(FindNetwork(layout_, Id('a').substr(0, 5))->name, "web");
  auto bad = ReadNetwork(layout_, "bad");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(bad.error().message.find("json.exception"), std::string::npos) << bad.error().message;
}

TEST_F(NetworkStore, GivesEachAddressOnce) {
  ASSERT_TRUE(Create(web_));
  EXPECT_EQ(Take('1'), "10.1.0.2");
  EXPECT_EQ(Take('2', IpAddress::Parse("10.1.0.4")), "10.1.0.4");
  EXPECT_EQ(Take('2', IpAddress::Parse("10.1.0.4")), "10.1.0.4") << "it has it already";
  EXPECT_EQ(Take('3', IpAddress::Parse("10.1.0.4")),
            "address 10.1.0.4 is in use by container 222222222222");
  EXPECT_EQ(Take('3', IpAddress::Parse("10.1.0.1")), "address 10.1.0.1 is in use");
  EXPECT_EQ(Take('3', IpAddress::Parse("10.1.0.7")),
            "address 10.1.0.7: not one for hosts of 10.1.0.0/29");
  EXPECT_EQ(Take('3'), "10.1.0.3");
  EXPECT_EQ(Take('4'), "10.1.0.5");
  EXPECT_EQ(Take('5'), "10.1.0.6");
  EXPECT_EQ(Take('6'), "no free address in 10.1.0.0/29");
  ASSERT_TRUE(FreeLeases(layout_, web_, Id('3')));
  ASSERT_TRUE(FreeLeases(layout_, web_, Id('3')));
  EXPECT_EQ(Take('6'), "10.1.0.3");
}

TEST_F(NetworkStore, StaysInTheRange) {
  web_ = *PlanNetwork({.name = "web", .subnets = {"10.1.0.0/24"}, .ip_ranges = {"10.1.0.254/31"}},
                      Id('a'), {});
  ASSERT_TRUE(Create(web_));
  EXPECT_EQ(Take('1'), "10.1.0.254");
  EXPECT_EQ(Take('2'), "no free address in 10.1.0.254/31");
  EXPECT_EQ(Take('2', IpAddress::Parse("10.1.0.9")), "10.1.0.9") << "by hand outside of it";
}

TEST_F(NetworkStore, FreesTheLeasesOfThoseThatAreGone) {
  ASSERT_TRUE(Create(web_));
  for (char id : {'1', '2', '3'}) (void)Take(id);
  auto lock = NetworksLock::Acquire(layout_);
  ASSERT_TRUE(lock);
  auto freed =
      FreeStaleLeases(layout_, web_, [](std::string_view id) { return id == Id('2'); }, *lock);
  ASSERT_TRUE(freed) << freed.error().message;
  EXPECT_EQ(*freed, 2);
  EXPECT_EQ(ListLeases(layout_, web_).value(),
            (std::vector<Lease>{{*IpAddress::Parse("10.1.0.3"), Id('2')}}));
}

TEST_F(NetworkStore, NoLeaseOfANetworkThatIsGone) {
  EXPECT_EQ(Take('1'), "no such network: web");
  ASSERT_TRUE(Create(web_));
  NetworkRecord old = web_;
  old.id = Id('b');
  auto address = TakeLease(layout_, old, old.pools[0], Id('1'));
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(ListLeases(layout_, web_)->empty());
}

TEST_F(NetworkStore, WhoLooksForLeasesToTakeAwayMeetsNoNewOne) {
  ASSERT_TRUE(Create(web_));
  EXPECT_EQ(Take('1'), "10.1.0.2");
  std::string taken;
  std::optional<LockWaiter> other;
  {
    auto lock = NetworksLock::Acquire(layout_);
    ASSERT_TRUE(lock);
    // Between the look at the lease and its removal the holder goes, and another comes.
    auto needs = [&](std::string_view) {
      EXPECT_TRUE(FreeLeases(layout_, web_, Id('1')));
      other.emplace([&] { taken = Take('2'); });
      EXPECT_TRUE(other->IsWaiting());
      return false;
    };
    ASSERT_TRUE(FreeStaleLeases(layout_, web_, needs, *lock));
  }
  other.reset();
  EXPECT_EQ(taken, "10.1.0.2");
  EXPECT_EQ(ListLeases(layout_, web_).value(),
            (std::vector<Lease>{{*IpAddress::Parse("10.1.0.2"), Id('2')}}));
}

TEST_F(NetworkStore, ARemovalIsNotOvertakenByALease) {
  ASSERT_TRUE(Create(web_));
  std::string taken;
  std::optional<LockWaiter> starter;
  {
    auto lock = NetworksLock::Acquire(layout_);
    ASSERT_TRUE(lock);
    starter.emplace([&] { taken = Take('1'); });
    EXPECT_TRUE(starter->IsWaiting());
    ASSERT_TRUE(RemoveNetwork(layout_, "web", *lock));
  }
  starter.reset();
  EXPECT_EQ(taken, "no such network: web");
}

TEST_F(NetworkStore, ManyAtOnceGetAddressesOfTheirOwn) {
  web_ = *PlanNetwork({.name = "web", .subnets = {"10.1.0.0/24"}}, Id('a'), {});
  ASSERT_TRUE(Create(web_));
  constexpr int kProcesses = 8, kEach = 10;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    pid_t pid = fork();
    if (pid == 0) {
      bool all = true;
      for (int n = 0; n < kEach; ++n) {
        std::string id = fmt::format("{:064x}", i * kEach + n);
        all &= TakeLease(layout_, web_, web_.pools[0], id).has_value();
      }
      _exit(all ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  std::set<std::string> holders;
  std::vector<Lease> leases = ListLeases(layout_, web_).value();
  for (const Lease& lease : leases) holders.insert(lease.container_id);
  EXPECT_EQ(holders.size(), size_t{kProcesses * kEach});
}

}  // namespace
}  // namespace hoy::net
