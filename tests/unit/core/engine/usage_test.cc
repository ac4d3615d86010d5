#include "core/engine/usage.h"

#include <gtest/gtest.h>

namespace hoy::core {
namespace {

TEST(Usage, SumsUpTheInterfacesButLoopback) {
  NetworkTraffic traffic = ParseNetworkTraffic(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
      "    lo: 9999       1    0    0    0     0          0         0     9999       1\n"
      "  eth0:  100       2    0    0    0     0          0         0       50       1    0\n"
      "eth1:7 2 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n"
      "broken: 1 2 3\n");
  EXPECT_EQ(traffic, (NetworkTraffic{107, 58}));
  EXPECT_EQ(ParseNetworkTraffic(""), NetworkTraffic{});
}

TEST(Usage, TellsTheShareOfOneProcessor) {
  using Reading = UsageReader::CpuReading;
  EXPECT_EQ(CpuPercent(Reading{100, 1000}, Reading{600, 2000}), 50.0);
  EXPECT_EQ(CpuPercent(Reading{0, 0}, Reading{2000, 1000}), 200.0);
  EXPECT_EQ(CpuPercent(Reading{600, 1000}, Reading{100, 2000}), 0.0);  // a new cgroup
  EXPECT_FALSE(CpuPercent(Reading{std::nullopt, 1000}, Reading{100, 2000}));
  EXPECT_FALSE(CpuPercent(Reading{1, 1000}, Reading{1, 1000}));
}

}  // namespace
}  // namespace hoy::core
