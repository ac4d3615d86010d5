#include "cli/ops/moment.h"

#include <gtest/gtest.h>
#include <time.h>

#include <cstdlib>

namespace hoy::cli {
namespace {

constexpr core::Timestamp kNow = 1'000'000 * core::kSecond;

core::Timestamp Moment(const char* text) {
  auto moment = ParseMoment(text, kNow);
  return moment ? *moment : -1;
}

class MomentTest : public testing::Test {
 protected:
  // Three hours before UTC, without summer time.
  MomentTest() { Set("XYZ3"); }
  ~MomentTest() override {
    had_ ? Set(old_.c_str()) : static_cast<void>(unsetenv("TZ"));
    tzset();
  }
  static void Set(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }

 private:
  bool had_ = std::getenv("TZ") != nullptr;
  std::string old_ = had_ ? std::getenv("TZ") : "";
};

TEST_F(MomentTest, TakesAgesAndSecondsSince1970) {
  EXPECT_EQ(Moment("10s"), kNow - 10 * core::kSecond);
  EXPECT_EQ(Moment("0"), 0);
  EXPECT_EQ(Moment("90"), 90 * core::kSecond);
  EXPECT_EQ(Moment("1700000000.5"), 1'700'000'000 * core::kSecond + core::kSecond / 2);
}

TEST_F(MomentTest, IsLocalWithoutAZone) {
  constexpr core::Timestamp kDay = 1'700'006'400 * core::kSecond;  // 2023-11-15T00:00:00Z
  constexpr core::Timestamp kHour = 3600 * core::kSecond;
  EXPECT_EQ(Moment("2023-11-15"), kDay + 3 * kHour);
  EXPECT_EQ(Moment("2023-11-15T02"), kDay + 5 * kHour);
  EXPECT_EQ(Moment("2023-11-15T02:30"), kDay + 5 * kHour + kHour / 2);
  EXPECT_EQ(Moment("2023-11-15T02:30:01.5"), kDay + 5 * kHour + kHour / 2 + core::kSecond * 3 / 2);
  EXPECT_EQ(Moment("1970-01-01"), 3 * kHour);
  EXPECT_EQ(Moment("1969-12-31T20:59:59.5"), -core::kSecond / 2);
}

TEST_F(MomentTest, KeepsTheZoneThatIsGiven) {
  constexpr core::Timestamp kDay = 1'700'006'400 * core::kSecond;
  EXPECT_EQ(Moment("2023-11-15Z"), kDay);
  EXPECT_EQ(Moment("2023-11-15T00:00Z"), kDay);
  EXPECT_EQ(Moment("2023-11-15T00:00:00Z"), kDay);
  EXPECT_EQ(Moment("2023-11-15T01:00+01:00"), kDay);
  EXPECT_EQ(Moment("2023-11-14T22:00:00-02:00"), kDay);
}

TEST_F(MomentTest, RefusesTheRest) {
  for (const char* wrong : {"", "tomorrow", "2023-11", "2023-11-1", "2023-13-01", "2023-11-15T",
                            "2023-11-15T2", "2023-11-15T02:", "2023-11-15T25", "2023-11-15Tzz",
                            "2023-11-15T02:30:01.", "2023-11-15+1", "1.x", "1.-5"}) {
    EXPECT_FALSE(ParseMoment(wrong, kNow).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace hoy::cli
