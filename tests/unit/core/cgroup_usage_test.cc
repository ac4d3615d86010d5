#include <gtest/gtest.h>

#include "core/cgroup/usage.h"

namespace hoy::core {
namespace {

TEST(Pressure, IsReadWithAndWithoutAFullLine) {
  auto both = ParsePressure(
      "some avg10=1.50 avg60=0.25 avg300=0.00 total=123456\n"
      "full avg10=0.75 avg60=0.00 avg300=0.01 total=99\n");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->some, (Pressure::Line{1.5, 0.25, 0, 123456}));
  ASSERT_TRUE(both->full);
  EXPECT_EQ(*both->full, (Pressure::Line{0.75, 0, 0.01, 99}));
  // /proc/pressure/cpu had no such line before Linux 5.13.
  auto some = ParsePressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
  ASSERT_TRUE(some);
  EXPECT_EQ(some->some.total_us, 7U);
  EXPECT_FALSE(some->full);
}

TEST(Pressure, IsAbsentWhereTheKernelTellsNothing) {
  EXPECT_FALSE(ParsePressure(""));
  EXPECT_FALSE(ParsePressure("full avg10=0.75 total=99\n"));
  EXPECT_FALSE(ParsePressure("nonsense\n"));
}

}  // namespace
}  // namespace hoy::core
