#include "core/state/resource_report.h"

#include <gtest/gtest.h>

namespace hoy::core {
namespace {

TEST(ResourceReport, SurvivesItsOwnCodec) {
  ResourceReport report;
  report.started_at = 1'700'000'000'000'000'001;
  report.wall_us = 5;
  report.cpu_user_us = 0;  // a fact, too
  report.memory_peak_bytes = uint64_t{1} << 40;
  report.write_operations = 3;
  report.io_stall = {7, std::nullopt};
  report.start = {{"clone", 12}, {"exec", 34}};
  auto read = DecodeResourceReport(EncodeResourceReport(report));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, report);
}

TEST(ResourceReport, LeavesOutWhatIsNotKnown) {
  ResourceReport report;
  report.oom_kills = 0;
  EXPECT_EQ(EncodeResourceReport(report),
            R"({"Memory":{"OOMKills":0},"StartedAt":"0001-01-01T00:00:00Z"})");
}

TEST(ResourceReport, RefusesDamagedOnes) {
  for (const char* text : {"", "[]", "{}", R"({"StartedAt":1})",
                           R"({"StartedAt":"0001-01-01T00:00:00Z","WallUs":"x"})",
                           R"({"StartedAt":"0001-01-01T00:00:00Z","Start":[{"Name":1}]})"}) {
    EXPECT_FALSE(DecodeResourceReport(text)) << text;
  }
}

}  // namespace
}  // namespace hoy::core
