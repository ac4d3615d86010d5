#include "cli/ui/live_table.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(LiveTable, IsDrawnOverItself) {
  size_t lines = 0;
  EXPECT_EQ(RedrawText("a\nb\n", 24, 80, 0, &lines), "a\033[K\nb\033[K\n\033[J");
  EXPECT_EQ(lines, 2U);
  EXPECT_EQ(RedrawText("c\n", 24, 80, lines, &lines), "\033[2A\rc\033[K\n\033[J");
  EXPECT_EQ(lines, 1U);
}

TEST(LiveTable, NeverGrowsBeyondTheScreen) {
  size_t lines = 0;
  EXPECT_EQ(RedrawText("1\n2\n3\n4\n5\n", 4, 80, 0, &lines),
            "1\033[K\n2\033[K\n… 3 more\033[K\n\033[J");
  EXPECT_EQ(lines, 3U);
  // As many as fit are all shown.
  EXPECT_EQ(RedrawText("1\n2\n3\n", 4, 80, 0, &lines), "1\033[K\n2\033[K\n3\033[K\n\033[J");
}

TEST(LiveTable, CutsWhatIsTooWide) {
  size_t lines = 0;
  EXPECT_EQ(RedrawText("abcdef\n", 24, 4, 0, &lines), "abc…\033[K\n\033[J");
}

}  // namespace
}  // namespace hoy::cli
