#include "core/sys/clock.h"

#include <gtest/gtest.h>

namespace hoy::core {
namespace {

TEST(Clock, Rfc3339RoundTrip) {
  EXPECT_EQ(FormatRfc3339(1'763'816'820 * kSecond + 1), "2025-11-22T13:07:00.000000001Z");
  for (Timestamp time : {Timestamp{1}, -kSecond - 1, 951'782'400 * kSecond, Now()}) {
    EXPECT_EQ(ParseRfc3339(FormatRfc3339(time)).value_or(-1), time) << FormatRfc3339(time);
  }
}

TEST(Clock, NeverIsGosZeroTime) {
  EXPECT_EQ(FormatRfc3339(0), "0001-01-01T00:00:00Z");
  EXPECT_EQ(*ParseRfc3339("0001-01-01T00:00:00Z"), 0);
}

TEST(Clock, OffsetsFractionsAndLeapDays) {
  EXPECT_EQ(*ParseRfc3339("1970-01-01T02:00:01+02:00"), kSecond);
  EXPECT_EQ(*ParseRfc3339("1969-12-31T19:00:01-05:00"), kSecond);
  EXPECT_EQ(*ParseRfc3339("1970-01-01T00:00:00.5Z"), kSecond / 2);
  EXPECT_EQ(*ParseRfc3339("1970-01-01T00:00:00.0000000019Z"), 1);
  EXPECT_EQ(*ParseRfc3339("2000-02-29T00:00:00Z"), 951'782'400 * kSecond);
}

TEST(Clock, WhatIsNoTimeIsRefused) {
  for (const char* text : {"", "now", "2026-11-22", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
                           "2026-11-22T24:00:00Z", "2026-11-22T00:60:00Z", "2026-11-22T00:00:00",
                           "2026-11-22T00:00:00.Z", "2026-11-22T00:00:00+0200",
                           "2026-11-22T00:00:00Zx", "2O26-11-22T00:00:00Z"}) {
    EXPECT_FALSE(ParseRfc3339(text).has_value()) << text;
  }
}

TEST(Clock, TimesFarAwayAreTheFirstAndTheLast) {
  EXPECT_EQ(*ParseRfc3339("2999-01-01T00:00:00Z"), INT64_MAX);
  EXPECT_EQ(*ParseRfc3339("1500-01-01T00:00:00Z"), INT64_MIN);
}

TEST(Clock, DurationsInWords) {
  const std::pair<Timestamp, const char*> kCases[] = {
      {0, "Less than a second"}, {1, "1 second"},         {59, "59 seconds"},
      {60, "About a minute"},    {119, "About a minute"}, {120, "2 minutes"},
      {3600, "About an hour"},   {7200, "2 hours"},       {47 * 3600, "47 hours"},
      {48 * 3600, "2 days"},     {14 * 86400, "2 weeks"}, {60 * 86400, "2 months"},
      {730 * 86400, "2 years"}};
  for (const auto& [seconds, words] : kCases) EXPECT_EQ(HumanDuration(seconds * kSecond), words);
}

TEST(Clock, DurationsAsTyped) {
  EXPECT_EQ(*ParseDuration("90"), 90 * kSecond);
  EXPECT_EQ(*ParseDuration("1.5h"), 5400 * kSecond);
  EXPECT_EQ(*ParseDuration("2h45m"), 9900 * kSecond);
  EXPECT_EQ(*ParseDuration("300ms"), kSecond * 3 / 10);
  EXPECT_EQ(*ParseDuration("-1s"), -kSecond);
  for (const char* text : {"", "-", "h", "1x", "1h2", "1..5s", "9999999999h", "1 h"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hoy::core
