#include "cli/ops/container_status.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

// As `docker ps --no-trunc` prints them.
TEST(CommandText, IsQuotedAsDockers) {
  EXPECT_EQ(CommandText({"sh"}, true), R"("sh")");
  EXPECT_EQ(CommandText({"sh", "-c", R"(trap "exit 3" TERM; wait)"}, true),
            R"("sh -c 'trap \"exit 3\" TERM; wait'")");
  EXPECT_EQ(CommandText({"/my program", "a b", ""}, true), R"("/my program 'a b' ")");
  EXPECT_EQ(CommandText({"printf", "a\tb\n", "\\", "\x1b[m", "\xc3\xa4"}, true),
            "\"printf a\\tb\\n \\\\ \\x1b[m \xc3\xa4\"");
}

TEST(CommandText, IsCutToTwentyColumns) {
  EXPECT_EQ(CommandText({"12345678901234567890"}, false), "\"12345678901234567890\"");
  EXPECT_EQ(CommandText({"123456789012345678901"}, false), "\"1234567890123456789\xe2\x80\xa6\"");
}

}  // namespace
}  // namespace hoy::cli
