#include "cli/ops/stats_rows.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

StatsSample FullSample() {
  StatsSample sample{.id = std::string(64, 'a'), .name = "web", .cpu_percent = 12.345};
  core::ContainerUsage usage;
  usage.cgroup.memory_bytes = 20447232;
  usage.cgroup.memory_limit_bytes = 64 << 20;
  usage.cgroup.pids = 3;
  usage.cgroup.read_bytes = 1500000;
  usage.cgroup.written_bytes = 0;
  usage.network = core::NetworkTraffic{1840, 656};
  sample.usage = usage;
  return sample;
}

TEST(StatsRows, HaveDockersTextsAndNumbers) {
  Json row = StatsRow(FullSample(), uint64_t{8} << 30, false);
  EXPECT_EQ(row["ID"], "aaaaaaaaaaaa");
  EXPECT_EQ(row["CPUPerc"], "12.35%");
  EXPECT_EQ(row["MemUsage"], "19.5MiB / 64MiB");
  EXPECT_EQ(row["MemPerc"], "30.47%");
  EXPECT_EQ(row["NetIO"], "1.84kB / 656B");
  EXPECT_EQ(row["BlockIO"], "1.5MB / 0B");
  EXPECT_EQ(row["PIDs"], "3");
  EXPECT_EQ(row["MemoryBytes"], 20447232);
  EXPECT_EQ(row["NetworkSentBytes"], 656);
  EXPECT_TRUE(row["PIDPeak"].is_null());
  EXPECT_TRUE(row["CPUPressure"].is_null());
  EXPECT_EQ(StatsRow(FullSample(), 1, true)["ID"], std::string(64, 'a'));
}

TEST(StatsRows, WithoutALimitHaveTheHostsMemory) {
  StatsSample sample = FullSample();
  sample.usage->cgroup.memory_limit_bytes.reset();
  EXPECT_EQ(StatsRow(sample, uint64_t{8} << 30, false)["MemUsage"], "19.5MiB / 8GiB");
  sample.usage->cgroup.memory_limit_bytes = uint64_t{64} << 30;  // more than there is
  EXPECT_EQ(StatsRow(sample, uint64_t{8} << 30, false)["MemoryLimitBytes"], uint64_t{8} << 30);
}

TEST(StatsRows, SayWhatIsMissing) {
  Json row = StatsRow({.id = std::string(64, 'b'), .name = "idle"}, 1 << 30, false);
  EXPECT_EQ(row["CPUPerc"], "--");
  EXPECT_EQ(row["MemUsage"], "-- / --");
  EXPECT_EQ(row["MemPerc"], "--");
  EXPECT_EQ(row["NetIO"], "-- / --");
  EXPECT_EQ(row["BlockIO"], "-- / --");
  EXPECT_EQ(row["PIDs"], "--");
  EXPECT_TRUE(row["CPUPercent"].is_null());
}

TEST(StatsRows, PressureIsTheShareOfTheLastTenSeconds) {
  StatsSample sample = FullSample();
  core::Pressure pressure;
  pressure.some = {1.25, 0, 0, 77};
  sample.usage->cgroup.memory_pressure = pressure;
  Json row = StatsRow(sample, 1 << 30, false);
  EXPECT_EQ(row["Pressure"], "-- / 1.2% / --");
  EXPECT_EQ(row["MemoryPressure"]["Some"]["TotalUs"], 77);
  EXPECT_FALSE(row["MemoryPressure"].contains("Full"));
}

TEST(StatsRows, SizesHaveFourDigits) {
  EXPECT_EQ(BinarySize(0), "0B");
  EXPECT_EQ(BinarySize(1023), "1023B");
  EXPECT_EQ(BinarySize(1024), "1KiB");
  EXPECT_EQ(BinarySize(1234567), "1.177MiB");
  EXPECT_EQ(BinarySize(uint64_t{15} << 60), "15EiB");
}

}  // namespace
}  // namespace hoy::cli
