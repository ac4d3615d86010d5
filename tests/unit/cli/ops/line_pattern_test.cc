#include "cli/ops/line_pattern.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(LinePattern, MatchesAnywhereAndAnyBytes) {
  auto pattern = LinePattern::Compile("^a.*[0-9]+$");
  ASSERT_TRUE(pattern.has_value());
  EXPECT_TRUE(pattern->Matches("abc 17"));
  EXPECT_TRUE(LinePattern::Compile("b[0-9]")->Matches(std::string_view("a\0b1", 4)));
  EXPECT_FALSE(pattern->Matches("b17"));
  EXPECT_FALSE(pattern->Matches(""));
  auto bad = LinePattern::Compile("a(b");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(bad.error().message.starts_with("'a(b' is not a regular expression: "));
}

}  // namespace
}  // namespace hoy::cli
