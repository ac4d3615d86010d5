#include "cli/ops/image_history.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

constexpr core::Timestamp kNow = 1'000'000 * core::kSecond;

oci::Digest Id() {
  return oci::Digest::FromHex(std::string(64, 'a'));
}

std::vector<oci::HistoryEntry> Steps() {
  return {{.created = kNow - 3600 * core::kSecond, .created_by = "ADD rootfs"},
          {.created = kNow - 60 * core::kSecond,
           .created_by = "CMD [\"sh\"] and a text that is longer than forty-five columns",
           .comment = "buildkit",
           .empty_layer = true},
          {.created = 0, .created_by = "RUN one\n\ttwo"}};
}

TEST(HistoryRows, GivesLayersToTheStepsThatMadeThemNewestFirst) {
  auto rows = HistoryRows(Id(), Steps(), {1'840'000, 12}, {.now = kNow});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0]["ID"], "aaaaaaaaaaaa");
  EXPECT_EQ(rows[1]["ID"], "<missing>");
  EXPECT_EQ(rows[0]["Size"], "12B");
  EXPECT_EQ(rows[0]["CreatedSince"], "N/A");
  EXPECT_EQ(rows[0]["CreatedBy"], "RUN one  two");
  EXPECT_EQ(rows[1]["Size"], "0B");
  EXPECT_EQ(rows[1]["Comment"], "buildkit");
  EXPECT_EQ(rows[1]["CreatedBy"], "CMD [\"sh\"] and a text that is longer than fo…");
  EXPECT_EQ(rows[2]["Size"], "1.84MB");
  EXPECT_EQ(rows[2]["CreatedSince"], "About an hour ago");
}

TEST(HistoryRows, PlainNumbersAndWholeTextsOnRequest) {
  auto rows =
      HistoryRows(Id(), Steps(), {1'840'000, 12}, {.no_trunc = true, .human = false, .now = kNow});
  EXPECT_EQ(rows[0]["ID"], Id().ToString());
  EXPECT_EQ(rows[2]["Size"], "1840000");
  EXPECT_EQ(rows[2]["CreatedSince"], "1970-01-12T12:46:40Z");
  EXPECT_TRUE(rows[1]["CreatedBy"].get<std::string>().ends_with("columns"));
}

TEST(HistoryRows, LayersWithoutAStepAreShownToo) {
  auto rows = HistoryRows(Id(), {}, {1, 2}, {.now = kNow});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["Size"], "2B");
  EXPECT_EQ(rows[1]["Size"], "1B");
  // More steps than layers: a builder's mistake is no crash.
  EXPECT_EQ(HistoryRows(Id(), Steps(), {}, {.now = kNow})[2]["Size"], "0B");
}

}  // namespace
}  // namespace hoy::cli
