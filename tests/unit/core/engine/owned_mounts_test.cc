#include "core/engine/owned_mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys/files.h"
#include "tests/unit/core/sys/scratch_directory.h"

namespace hoy::core {
namespace {

TEST(OwnedMounts, TwoIdsChangePlacesAndAllOthersStay) {
  EXPECT_EQ(SwappedIds(5, 5), "0 0 4294967295\n");
  EXPECT_EQ(SwappedIds(1000, 5), "0 0 5\n5 1000 1\n6 6 994\n1000 5 1\n1001 1001 4294966294\n");
  EXPECT_EQ(SwappedIds(0, 1), "0 1 1\n1 0 1\n2 2 4294967293\n");
  EXPECT_EQ(SwappedIds(UINT32_MAX - 1, 0), "0 4294967294 1\n1 1 4294967293\n4294967294 0 1\n");
}

TEST(OwnedMounts, TheKernelTakesSuchMaps) {
  for (Owner seen : {Owner{0, 0}, Owner{1000, 7}, Owner{UINT32_MAX - 1, 1}}) {
    auto map = MakeOwnerMap({0, 0}, seen);
    EXPECT_TRUE(map.has_value()) << map.error().message;
  }
}

TEST(OwnedMounts, FilesOfTheOwnerAloneChangeHands) {
  ScratchDirectory top;
  ASSERT_TRUE(MakeDirectories(top / "tree/sub").has_value());
  for (const char* name : {"tree/a", "tree/sub/b", "tree/other", "outside"}) {
    PutFile(top / name, "");
  }
  ASSERT_EQ(symlink("../outside", (top / "tree/link").c_str()), 0);
  ASSERT_EQ(chown((top / "tree/other").c_str(), 7, 8), 0);
  auto directory = OpenDirectory(top / "tree");
  ASSERT_TRUE(directory.has_value());
  auto changed = ChangeOwners(*directory, {0, 0}, {1000, 1001});
  ASSERT_TRUE(changed.has_value()) << changed.error().message;
  auto owner = [&](const std::string& name) {
    struct stat status{};
    EXPECT_EQ(lstat((top / name).c_str(), &status), 0) << name;
    return std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid);
  };
  for (const char* name : {"tree", "tree/sub", "tree/a", "tree/sub/b", "tree/link"}) {
    EXPECT_EQ(owner(name), "1000:1001") << name;
  }
  EXPECT_EQ(owner("tree/other"), "7:8");
  EXPECT_EQ(owner("outside"), "0:0");
}

}  // namespace
}  // namespace hoy::core
