#include "cli/ops/remove_network.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/sys/files.h"
#include "net/state/network_store.h"
#include "tests/unit/net/lock_waiter.h"

namespace hoy::cli {
namespace {

TEST(RemoveNetwork, LooksForMembersWhenNobodyCanComeAnyMore) {
  std::string directory = testing::TempDir() + "hoy-remove-network-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  core::Layout layout{directory + "/data", directory + "/run"};
  auto web =
      net::PlanNetwork({.name = "web", .subnets = {"10.1.0.0/29"}}, std::string(64, 'a'), {});
  ASSERT_TRUE(web);
  Result<> removed;
  std::optional<net::LockWaiter> remover;
  {
    auto lock = net::NetworksLock::Acquire(layout);
    ASSERT_TRUE(lock);
    ASSERT_TRUE(net::CreateNetwork(layout, *web, *lock));
    remover.emplace([&] { removed = RemoveUnusedNetwork(layout, *web); });
    EXPECT_TRUE(remover->IsWaiting());
    // A container that came before the removal had the lock.
    std::string id(64, '1');
    ASSERT_TRUE(core::MakeDirectories(layout.RunContainer(id), 0700));
    ASSERT_TRUE(core::MakeDirectories(layout.NetworkLeases("web"), 0700));
    ASSERT_EQ(symlink(id.c_str(), (layout.NetworkLeases("web") + "/10.1.0.2").c_str()), 0);
  }
  remover.reset();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::kConflict) << removed.error().message;
  EXPECT_TRUE(net::ReadNetwork(layout, "web"));

  // One of the same name is another network.
  net::NetworkRecord old = *web;
  old.id = std::string(64, 'b');
  EXPECT_EQ(RemoveUnusedNetwork(layout, old).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(net::ReadNetwork(layout, "web"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace hoy::cli
