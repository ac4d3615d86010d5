#include "tests/unit/core/cgroup_fixture.h"

namespace hoy::core {
namespace {

class CgroupV2 : public CgroupLive, public ::testing::WithParamInterface<bool> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CgroupV2);
std::vector<bool> KillFileOrSignals() {
  if (DetectCgroupHost().version != CgroupVersion::kV2) return {};
  return {true, false};
}
INSTANTIATE_TEST_SUITE_P(KillFileOrSignals, CgroupV2, ::testing::ValuesIn(KillFileOrSignals()));

TEST_P(CgroupV2, KillsWithAndWithoutTheKillFile) {
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  std::string inner = cgroup->location().Directory("") + "/inner";
  ASSERT_EQ(mkdir(inner.c_str(), 0755), 0);
  Member member(WaitForSignals);
  ASSERT_OK(WriteControlFile(inner + "/cgroup.procs", std::to_string(member.pid())));
  ASSERT_OK(MakeCgroupV2Driver({.use_kill_file = GetParam()})->Kill(cgroup->location()));
  EXPECT_EQ(member.Wait().signal, SIGKILL);
  ASSERT_OK(cgroup->Remove());
}

TEST_P(CgroupV2, WritesItsOwnFilesAndGivesADirectoryToCloneInto) {
  request_.limits.cgroup_conf = {{"memory.high", "33554432"}, {"cgroup.max.depth", "3"}};
  auto cgroup = Cgroup::Create(request_);
  ASSERT_OK(cgroup);
  EXPECT_EQ(FileOf(*cgroup, "", "", "memory.high"), "33554432");
  EXPECT_EQ(FileOf(*cgroup, "", "", "cgroup.max.depth"), "3");
  struct stat opened{};
  struct stat named{};
  ASSERT_EQ(fstat(cgroup->clone_into().get(), &opened), 0);
  ASSERT_EQ(stat(cgroup->location().Directory("").c_str(), &named), 0);
  EXPECT_EQ(opened.st_ino, named.st_ino);
  ASSERT_OK(cgroup->Remove());
}

}  // namespace
}  // namespace hoy::core
