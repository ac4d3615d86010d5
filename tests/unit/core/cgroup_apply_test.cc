#include <gtest/gtest.h>

#include "core/cgroup/apply.h"

namespace hoy::core {
namespace {

TEST(ApplyLimits, UndoesEachKindOfFile) {
  EXPECT_EQ(UndoValue("67108864\n", "128"), "67108864");
  EXPECT_EQ(UndoValue("max 100000\n", "20000 100000"), "max 100000");
  EXPECT_EQ(UndoValue("default 100\n8:0 200\n", "300"), "default 100");
  EXPECT_EQ(UndoValue("\n", "0-1"), "\n");
  EXPECT_EQ(UndoValue("8:0 1048576\n8:16 5\n", "8:16 7"), "8:16 5");
  EXPECT_EQ(UndoValue("8:0 1048576\n", "8:16 7"), "8:16 0");
  EXPECT_EQ(UndoValue("8:0 rbps=5 wbps=max\n", "8:0 rbps=7"), "8:0 rbps=5 wbps=max");
  EXPECT_EQ(UndoValue("", "8:0 wiops=7"), "8:0 wiops=max");
}

TEST(ApplyLimits, WritesOnlyWhatChanges) {
  ResourceLimits before;
  before.memory_bytes = 64 << 20;
  before.pids_limit = 50;
  ResourceLimits after = before;
  EXPECT_TRUE(ChangedWrites(*PlanLimitsV2(before), *PlanLimitsV2(after)).empty());
  after.pids_limit = 60;
  auto changed = ChangedWrites(*PlanLimitsV2(before), *PlanLimitsV2(after));
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].file, "pids.max");
  // Swap follows memory where nobody has said otherwise.
  after.memory_bytes = 32 << 20;
  changed = ChangedWrites(*PlanLimitsV1(before), *PlanLimitsV1(after));
  EXPECT_EQ(changed.size(), 3U);
}

TEST(MergeLimits, KeepsWhatIsNotAskedFor) {
  ResourceLimits now;
  now.memory_bytes = 64 << 20;
  now.nano_cpus = 1'500'000'000;
  now.cpuset_cpus = "0";
  now.throttles = {{"read_bps", "/dev/a", 8, 0, 5}, {"read_bps", "/dev/b", 8, 16, 6}};
  now.cgroup_conf = {{"memory.high", "1"}};
  ResourceLimits changes;
  changes.pids_limit = -1;
  changes.memory_bytes = 0;  // docker's "not given"
  changes.throttles = {{"read_bps", "/dev/b", 8, 16, 7}};
  changes.cgroup_conf = {{"memory.high", "2"}, {"memory.low", "1"}};
  ResourceLimits merged = MergeLimits(now, changes);
  EXPECT_EQ(merged.memory_bytes, 64 << 20);
  EXPECT_EQ(merged.nano_cpus, 1'500'000'000);
  EXPECT_EQ(merged.cpuset_cpus, "0");
  EXPECT_EQ(merged.pids_limit, -1);
  ASSERT_EQ(merged.throttles.size(), 2U);
  EXPECT_EQ(merged.throttles[1].rate, 7);
  EXPECT_EQ(merged.cgroup_conf, changes.cgroup_conf);
}

TEST(MergeLimits, CpusAndQuotaReplaceEachOther) {
  ResourceLimits cpus;
  cpus.nano_cpus = 500'000'000;
  ResourceLimits quota;
  quota.cpu_quota_us = 20'000;
  quota.cpu_period_us = 50'000;
  EXPECT_EQ(MergeLimits(cpus, quota), quota);
  EXPECT_EQ(MergeLimits(quota, cpus), cpus);
}

}  // namespace
}  // namespace hoy::core
