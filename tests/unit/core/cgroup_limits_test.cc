#include <gtest/gtest.h>

#include "core/cgroup/limits.h"

namespace hoy::core {
namespace {

constexpr int64_t kMiB = 1 << 20;

// One line per write: "<file> = <value>", with the alternative and "?" for what may be skipped.
std::vector<std::string> Lines(const Result<std::vector<LimitWrite>>& plan) {
  if (!plan) return {"error: " + plan.error().message};
  std::vector<std::string> lines;
  for (const LimitWrite& write : *plan) {
    std::string line = fmt::format("{} = {}", write.file, write.value);
    if (!write.fallback_file.empty()) {
      line += fmt::format(" or {} = {}", write.fallback_file, write.fallback_value);
    }
    lines.push_back(line + (write.required ? "" : " ?"));
  }
  return lines;
}
using Golden = std::vector<std::string>;

ResourceLimits Everything() {
  ResourceLimits limits;
  limits.memory_bytes = 64 * kMiB;
  limits.memory_swap_bytes = 96 * kMiB;
  limits.memory_reservation_bytes = 32 * kMiB;
  limits.nano_cpus = 1'500'000'000;
  limits.cpu_shares = 512;
  limits.pids_limit = 100;
  limits.blkio_weight = 500;
  limits.cpuset_cpus = "0-1";
  limits.cpuset_mems = "0";
  return limits;
}

TEST(CgroupLimits, PlansEveryLimitForV1InTheOrderTheKernelNeeds) {
  ResourceLimits limits = Everything();
  limits.memory_swappiness = 0;
  EXPECT_EQ(Lines(PlanLimitsV1(limits)), (Golden{
                                             "memory.limit_in_bytes = 67108864",
                                             "memory.memsw.limit_in_bytes = 100663296",
                                             "memory.soft_limit_in_bytes = 33554432",
                                             "memory.swappiness = 0",
                                             "cpu.shares = 512",
                                             "cpu.cfs_period_us = 100000",
                                             "cpu.cfs_quota_us = 150000",
                                             "cpuset.cpus = 0-1",
                                             "cpuset.mems = 0",
                                             "pids.max = 100",
                                             "blkio.weight = 500 or blkio.bfq.weight = 500",
                                         }));
}

TEST(CgroupLimits, PlansThrottlesOfDevices) {
  ResourceLimits limits;
  limits.throttles = {{"read_bps", "/dev/sda", 8, 0, 1048576},
                      {"write_bps", "/dev/sda", 8, 0, 2},
                      {"read_iops", "/dev/sdb", 8, 16, 3},
                      {"write_iops", "/dev/sdb", 8, 16, 4}};
  EXPECT_EQ(Lines(PlanLimitsV1(limits)), (Golden{
                                             "blkio.throttle.read_bps_device = 8:0 1048576",
                                             "blkio.throttle.write_bps_device = 8:0 2",
                                             "blkio.throttle.read_iops_device = 8:16 3",
                                             "blkio.throttle.write_iops_device = 8:16 4",
                                         }));
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), (Golden{
                                             "io.max = 8:0 rbps=1048576",
                                             "io.max = 8:0 wbps=2",
                                             "io.max = 8:16 riops=3",
                                             "io.max = 8:16 wiops=4",
                                         }));
}

TEST(CgroupLimits, PlansEveryLimitForV2) {
  ResourceLimits limits = Everything();
  limits.cgroup_conf = {{"memory.high", "50M"}, {"cpu.max.burst", "1000"}};
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), (Golden{
                                             "memory.max = 67108864",
                                             "memory.swap.max = 33554432",
                                             "memory.low = 33554432",
                                             "cpu.weight = 59",
                                             "cpu.max = 150000 100000",
                                             "cpuset.cpus = 0-1",
                                             "cpuset.mems = 0",
                                             "pids.max = 100",
                                             "io.bfq.weight = 500 or io.weight = 4950",
                                             "memory.high = 50M",
                                             "cpu.max.burst = 1000",
                                         }));
}

TEST(CgroupLimits, WritesNothingThatWasNotAskedFor) {
  ResourceLimits zeros;  // docker's way to say "no limit"
  zeros.memory_bytes = zeros.memory_swap_bytes = zeros.memory_reservation_bytes = 0;
  zeros.nano_cpus = zeros.cpu_shares = zeros.cpu_quota_us = zeros.cpu_period_us = 0;
  zeros.pids_limit = zeros.blkio_weight = 0;
  for (const ResourceLimits& limits : {ResourceLimits{}, zeros}) {
    EXPECT_EQ(Lines(PlanLimitsV1(limits)), Golden{});
    EXPECT_EQ(Lines(PlanLimitsV2(limits)), Golden{});
  }
}

TEST(CgroupLimits, MemoryAloneAllowsAsMuchSwapWhereSwapIsCounted) {
  ResourceLimits limits;
  limits.memory_bytes = 64 * kMiB;
  EXPECT_EQ(Lines(PlanLimitsV1(limits)), (Golden{"memory.limit_in_bytes = 67108864",
                                                 "memory.memsw.limit_in_bytes = 134217728 ?"}));
  EXPECT_EQ(Lines(PlanLimitsV2(limits)),
            (Golden{"memory.max = 67108864", "memory.swap.max = 67108864 ?"}));
}

TEST(CgroupLimits, SwapEqualToMemoryMeansNoSwapOnV2) {
  ResourceLimits limits;
  limits.memory_bytes = limits.memory_swap_bytes = 64 * kMiB;
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), (Golden{"memory.max = 67108864", "memory.swap.max = 0"}));
}

TEST(CgroupLimits, UnlimitedIsTheKernelsWord) {
  ResourceLimits limits;
  limits.memory_bytes = 64 * kMiB;
  limits.memory_swap_bytes = -1;
  limits.cpu_quota_us = -1;
  limits.pids_limit = -1;
  EXPECT_EQ(Lines(PlanLimitsV1(limits)),
            (Golden{"memory.limit_in_bytes = 67108864", "memory.memsw.limit_in_bytes = -1 ?",
                    "cpu.cfs_quota_us = -1 ?", "pids.max = max ?"}));
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), (Golden{"memory.max = 67108864", "memory.swap.max = max ?",
                                                 "cpu.max = max 100000", "pids.max = max ?"}));
}

TEST(CgroupLimits, QuotaAndPeriodArePassedOnAsTheyAre) {
  ResourceLimits limits;
  limits.cpu_period_us = 50'000;
  EXPECT_EQ(Lines(PlanLimitsV1(limits)), Golden{"cpu.cfs_period_us = 50000"});
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), Golden{"cpu.max = max 50000"});
  limits.cpu_quota_us = 25'000;
  EXPECT_EQ(Lines(PlanLimitsV1(limits)),
            (Golden{"cpu.cfs_period_us = 50000", "cpu.cfs_quota_us = 25000"}));
  EXPECT_EQ(Lines(PlanLimitsV2(limits)), Golden{"cpu.max = 25000 50000"});
}

TEST(CgroupLimits, WhatAVersionDoesNotHaveIsAnErrorNotSilence) {
  ResourceLimits swappiness;
  swappiness.memory_swappiness = 10;
  auto v2 = PlanLimitsV2(swappiness);
  ASSERT_FALSE(v2);
  EXPECT_EQ(v2.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(v2.error().message.find("--memory-swappiness"), std::string::npos);

  ResourceLimits conf;
  conf.cgroup_conf = {{"memory.high", "1G"}};
  auto v1 = PlanLimitsV1(conf);
  ASSERT_FALSE(v1);
  EXPECT_EQ(v1.error().kind, ErrorKind::kUnsupported);
}

TEST(CgroupLimits, DefaultSharesAreTheDefaultWeight) {
  EXPECT_EQ(CpuSharesToWeight(2), 1);
  EXPECT_EQ(CpuSharesToWeight(1024), 100);
  EXPECT_EQ(CpuSharesToWeight(262144), 10000);
  EXPECT_EQ(CpuSharesToWeight(1), 1);
  EXPECT_EQ(CpuSharesToWeight(1'000'000), 10000);
  for (int64_t shares = 2; shares < 262144; shares += 777) {
    EXPECT_LE(CpuSharesToWeight(shares), CpuSharesToWeight(shares + 777));
  }
}

TEST(CgroupLimits, BlockWeightsKeepTheirEnds) {
  EXPECT_EQ(BlkioWeightToIoWeight(10), 1);
  EXPECT_EQ(BlkioWeightToIoWeight(1000), 10000);
}

TEST(CgroupLimits, ReadsCpuLists) {
  EXPECT_EQ(ParseCpuList("0-2,5\n"), (std::vector<int>{0, 1, 2, 5}));
  EXPECT_EQ(ParseCpuList("3,1,1-2"), (std::vector<int>{1, 2, 3}));
  for (const char* text : {"", "a", "1-", "-1", "2-1", "1,,2", "0-99999999", "1 2"}) {
    EXPECT_FALSE(ParseCpuList(text)) << text;
  }
}

// What Validate says, or "".
std::string Refusal(const ResourceLimits& limits) {
  auto valid = ValidateLimits(limits, {"0-1", "0"});
  if (valid) return "";
  EXPECT_EQ(valid.error().kind, ErrorKind::kInvalidArgument);
  return valid.error().message;
}

TEST(CgroupLimits, AcceptsWhatTheHostHas) {
  EXPECT_EQ(Refusal({}), "");
  ResourceLimits limits = Everything();
  limits.nano_cpus = 2'000'000'000;
  limits.pids_limit = -1;
  limits.memory_swappiness = -1;
  EXPECT_EQ(Refusal(limits), "");
}

TEST(CgroupLimits, RefusesTheImpossible) {
  struct Case {
    void (*set)(ResourceLimits&);
    std::string_view says;
  };
  const Case cases[] = {
      {[](ResourceLimits& l) { l.memory_bytes = 6 * kMiB - 1; }, "--memory 6291455: the minimum"},
      {[](ResourceLimits& l) { l.memory_bytes = -5; }, "--memory -5: the minimum"},
      {[](ResourceLimits& l) { l.memory_swap_bytes = 64 * kMiB; }, "--memory-swap needs --memory"},
      {[](ResourceLimits& l) {
         l.memory_bytes = 64 * kMiB;
         l.memory_swap_bytes = 32 * kMiB;
       },
       "--memory-swap 33554432 is smaller than --memory"},
      {[](ResourceLimits& l) { l.memory_swap_bytes = -2; }, "--memory-swap -2: not a size"},
      {[](ResourceLimits& l) {
         l.memory_bytes = 64 * kMiB;
         l.memory_reservation_bytes = 65 * kMiB;
       },
       "--memory-reservation 68157440 is larger than --memory"},
      {[](ResourceLimits& l) { l.memory_swappiness = 101; }, "--memory-swappiness 101"},
      {[](ResourceLimits& l) { l.nano_cpus = 2'000'000'001; },
       "--cpus 2.000000001: not in 0.01 to 2"},
      {[](ResourceLimits& l) { l.nano_cpus = 1; }, "--cpus 1e-09"},
      {[](ResourceLimits& l) {
         l.nano_cpus = 1'000'000'000;
         l.cpu_quota_us = 1000;
       },
       "--cpus and --cpu-quota"},
      {[](ResourceLimits& l) { l.cpu_shares = -1; }, "--cpu-shares -1"},
      {[](ResourceLimits& l) { l.cpu_period_us = 999; }, "--cpu-period 999"},
      {[](ResourceLimits& l) { l.cpu_period_us = 1'000'001; }, "--cpu-period 1000001"},
      {[](ResourceLimits& l) { l.cpu_quota_us = 999; }, "--cpu-quota 999"},
      {[](ResourceLimits& l) { l.blkio_weight = 9; }, "--blkio-weight 9"},
      {[](ResourceLimits& l) { l.blkio_weight = 1001; }, "--blkio-weight 1001"},
      {[](ResourceLimits& l) { l.cpuset_cpus = "0-2"; },
       "--cpuset-cpus '0-2': this host's CPUs are"},
      {[](ResourceLimits& l) { l.cpuset_cpus = "one"; }, "--cpuset-cpus 'one': not a list"},
      {[](ResourceLimits& l) { l.cpuset_mems = "1"; }, "--cpuset-mems '1': this host's memory"},
      {[](ResourceLimits& l) { l.cgroup_conf = {{"../x.y", "1"}}; }, "--cgroup-conf '../x.y'"},
      {[](ResourceLimits& l) { l.cgroup_conf = {{"memory", "1"}}; }, "--cgroup-conf 'memory'"},
  };
  for (const Case& each : cases) {
    ResourceLimits limits;
    each.set(limits);
    EXPECT_TRUE(Refusal(limits).starts_with(each.says)) << each.says << " / " << Refusal(limits);
  }
}

}  // namespace
}  // namespace hoy::core
