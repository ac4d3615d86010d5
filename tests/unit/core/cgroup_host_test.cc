#include <gtest/gtest.h>
#include <unistd.h>

#include "core/cgroup/host.h"

namespace hoy::core {
namespace {

TEST(CgroupHost, FindsV1HierarchiesAndWhereWeAreInThem) {
  CgroupHost host = ParseCgroupHost(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw shared:5 - cgroup cgroup rw,memory\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n",
      "4:memory:/jobs/17\n"
      "2:cpu,cpuacct:/\n"
      "1:name=systemd:/user.slice\n");
  EXPECT_EQ(host.version, CgroupVersion::kV1);
  ASSERT_NE(host.Find("memory"), nullptr);
  EXPECT_EQ(*host.Find("memory"), (CgroupHierarchy{"memory", "/sys/fs/cgroup/memory", "/jobs/17"}));
  EXPECT_EQ(host.Find("cpu"), host.Find("cpuacct"));
  EXPECT_EQ(host.Find("cpu")->own, "");
  EXPECT_EQ(host.Find("pids"), nullptr);
  EXPECT_EQ(host.Unified(), nullptr);
}

TEST(CgroupHost, AHybridIsV1) {
  CgroupHost host = ParseCgroupHost(
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      "4:memory:/\n0::/init.scope\n");
  EXPECT_EQ(host.version, CgroupVersion::kV1);
  ASSERT_NE(host.Unified(), nullptr);
  EXPECT_EQ(host.Unified()->own, "/init.scope");
}

TEST(CgroupHost, NamedHierarchiesAloneDoNotMakeAHostV1) {
  CgroupHost host = ParseCgroupHost(
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
      "1:name=systemd:/\n0::/\n");
  EXPECT_EQ(host.version, CgroupVersion::kV2);
}

TEST(CgroupHost, PathsAreSeenBelowTheMountThatAContainerGets) {
  CgroupHost host = ParseCgroupHost(
      "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "36 31 0:33 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
      "37 31 0:34 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "38 31 0:35 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n",
      "4:memory:/docker/abc\n3:pids:/docker/abc/sub\n2:cpu:/docker/abcdef\n1:blkio:/../outer\n");
  EXPECT_EQ(host.Find("memory")->own, "");
  EXPECT_EQ(host.Find("pids")->own, "/sub");
  EXPECT_EQ(host.Find("cpu")->own, "") << "not below this mount";
  EXPECT_EQ(host.Find("blkio")->own, "") << "outside of this cgroup namespace";
}

TEST(CgroupHost, MountpointsAreUnescaped) {
  CgroupHost host =
      ParseCgroupHost("35 31 0:32 / /mnt/my\\040cgroups rw - cgroup2 none rw\n", "0::/\n");
  EXPECT_EQ(host.Unified()->mountpoint, "/mnt/my cgroups");
}

TEST(CgroupHost, SurvivesWhatIsNotThere) {
  EXPECT_EQ(ParseCgroupHost("", "").version, CgroupVersion::kNone);
  EXPECT_EQ(ParseCgroupHost("1 2 0:3 / /proc rw - proc proc rw\n", "4:memory:/\n0::/\n").version,
            CgroupVersion::kNone);
  EXPECT_EQ(ParseCgroupHost("garbage\n - cgroup\n - cgroup x y\n", "a:b\n:\n\n").version,
            CgroupVersion::kNone);
}

TEST(CgroupHost, KnowsTheUnitsOfSystemd) {
  EXPECT_TRUE(IsManagedBySystemd("/user.slice/user-0.slice/session-1.scope"));
  EXPECT_TRUE(IsManagedBySystemd("/system.slice/ssh.service"));
  EXPECT_FALSE(IsManagedBySystemd(""));
  EXPECT_FALSE(IsManagedBySystemd("/jobs/17"));
}

TEST(CgroupHost, SeesWhereAnotherProcessIs) {
  EXPECT_EQ(CgroupHostOf(getpid()).hierarchies, FullCgroupHost().hierarchies);
  EXPECT_EQ(CgroupHostOf(-1).version, CgroupVersion::kNone) << "there is none";
}

}  // namespace
}  // namespace hoy::core
