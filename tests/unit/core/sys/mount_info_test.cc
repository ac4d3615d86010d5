#include "core/sys/mount_info.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

constexpr std::string_view kText =
    "21 1 0:20 / / rw,relatime - ext4 /dev/vda rw\n"
    "22 21 0:21 / /mnt/a\\040b rw shared:4 - tmpfs t rw\n"
    "23 21 0:21 /in /mnt/s rw,nosuid master:4 propagate_from:2 - tmpfs t rw\n"
    "24 21 0:22 / /mnt/both rw shared:7 master:4 - tmpfs shared:9 rw\n";

TEST(MountInfo, FindsAMountByItsIdAndTellsHowItPropagates) {
  EXPECT_FALSE(FindMount(kText, 2));
  EXPECT_FALSE(FindMount("", 21));
  auto root = FindMount(kText, 21);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->mount_point, "/");
  EXPECT_FALSE(root->shared || root->slave);
  EXPECT_EQ(FindMount(kText, 22)->mount_point, "/mnt/a b");
  EXPECT_TRUE(FindMount(kText, 22)->shared);
  EXPECT_FALSE(FindMount(kText, 22)->slave);
  EXPECT_FALSE(FindMount(kText, 23)->shared);
  EXPECT_TRUE(FindMount(kText, 23)->slave);
  EXPECT_TRUE(FindMount(kText, 24)->shared && FindMount(kText, 24)->slave);
}

TEST(MountInfo, KnowsWhereAnOpenFileLies) {
  auto fd = OpenAt(kCwd, "/proc/self/status", O_PATH);
  ASSERT_TRUE(fd);
  auto info = MountOf(*fd);
  ASSERT_TRUE(info && *info);
  EXPECT_EQ((*info)->mount_point, "/proc");
}

}  // namespace
}  // namespace hoy::core
