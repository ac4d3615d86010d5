#include <gtest/gtest.h>

#include "core/cgroup/leaf.h"

namespace hoy::core {
namespace {

TEST(CgroupLeaf, IsBelowTheContainersInOneHierarchy) {
  const CgroupLocation v2{CgroupVersion::kV2, {{"", "/cg/hoy-1"}}};
  CgroupLeaf leaf = LocateLeaf(v2, "x");
  EXPECT_EQ(leaf.directory, "/cg/hoy-1/exec-x");
  EXPECT_EQ(leaf.above, "/cg/hoy-1");
  EXPECT_TRUE(leaf.others.directories.empty());

  CgroupLocation v1{
      CgroupVersion::kV1,
      {{"cpuset", "/s/h"}, {"memory", "/m/h"}, {"pids", "/p/h"}, {"freezer", "/f/h"}}};
  leaf = LocateLeaf(v1, "x");
  EXPECT_EQ(leaf.directory, "/f/h/exec-x");
  EXPECT_EQ(leaf.others.directories.size(), 3u);
  EXPECT_EQ(leaf.others.Directory("freezer"), "");
  v1.directories.pop_back();
  EXPECT_EQ(LocateLeaf(v1, "x").directory, "/p/h/exec-x");
  v1.directories.pop_back();
  EXPECT_EQ(LocateLeaf(v1, "x").directory, "/m/h/exec-x");
  v1.directories.pop_back();
  leaf = LocateLeaf(v1, "x");
  EXPECT_EQ(leaf.directory, "") << "a new cpuset takes nobody";
  EXPECT_EQ(leaf.others, v1);
  EXPECT_EQ(LocateLeaf({}, "x").directory, "");
  v1.directories = {{"", "/unified/h"}};
  EXPECT_EQ(LocateLeaf(v1, "x").directory, "");
}

TEST(CgroupLocation, NamesTheFilesThatTakeTheCaller) {
  using Files = std::vector<std::string>;
  const CgroupLocation hybrid{CgroupVersion::kV1, {{"memory", "/m/h"}, {"", "/unified/h"}}};
  EXPECT_EQ(hybrid.SelfJoinFiles(), (Files{"/m/h/tasks", "/unified/h/cgroup.procs"}));
  const CgroupLocation v2{CgroupVersion::kV2, {{"", "/cg/h"}}};
  EXPECT_EQ(v2.SelfJoinFiles(), Files{"/cg/h/cgroup.procs"});
  // What is frozen there does not die.
  const CgroupLocation v1{CgroupVersion::kV1, {{"pids", "/p/h"}, {"freezer", "/f/h"}}};
  EXPECT_EQ(v1.HelperJoinFiles(), Files{"/p/h/tasks"});
  EXPECT_EQ(v2.HelperJoinFiles(), v2.SelfJoinFiles());
}

}  // namespace
}  // namespace hoy::core
