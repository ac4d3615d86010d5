#include "core/base/text.h"

#include <gtest/gtest.h>

namespace hoy {
namespace {

using Fields = std::vector<std::string_view>;

TEST(Text, SplitKeepsEmptyFields) {
  EXPECT_EQ(Split("", ','), Fields{});
  EXPECT_EQ(Split("a", ','), Fields{"a"});
  EXPECT_EQ(Split("a,b,,c", ','), (Fields{"a", "b", "", "c"}));
  EXPECT_EQ(Split(",", ','), (Fields{"", ""}));
}

TEST(Text, CutSeparatesAtTheFirst) {
  EXPECT_EQ(CutAt("a=b=c", '=').before, "a");
  EXPECT_EQ(CutAt("a=b=c", '=').after, "b=c");
  EXPECT_EQ(CutAt("a=", '=').after, "");
  EXPECT_EQ(CutAt("a", '=').before, "a");
  EXPECT_FALSE(CutAt("a", '=').after.has_value());
}

TEST(Text, TrimTakesWhiteSpaceFromBothEnds) {
  EXPECT_EQ(Trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
  EXPECT_EQ(Trim(""), "");
}

TEST(Text, HexIsLowerCaseAndNotEmpty) {
  EXPECT_TRUE(IsHex("0123456789abcdef"));
  for (const char* text : {"", "A", "g", "0x1", " 1"}) EXPECT_FALSE(IsHex(text)) << text;
}

TEST(Text, IntegersAreWholeAndInRange) {
  EXPECT_EQ(ParseInteger<int>("-12"), -12);
  EXPECT_EQ(ParseInteger<uint8_t>("255"), 255);
  for (const char* text : {"", "1x", " 1", "+1", "1.0", "256"}) {
    EXPECT_FALSE(ParseInteger<uint8_t>(text).has_value()) << text;
  }
}

TEST(Text, ByteSizesAreInPowersOf1024) {
  EXPECT_EQ(ParseByteSize("0"), 0);
  EXPECT_EQ(ParseByteSize("512"), 512);
  EXPECT_EQ(ParseByteSize("512b"), 512);
  EXPECT_EQ(ParseByteSize("64k"), 64 << 10);
  EXPECT_EQ(ParseByteSize("64KB"), 64 << 10);
  EXPECT_EQ(ParseByteSize("2GiB"), int64_t{2} << 30);
  EXPECT_EQ(ParseByteSize("1.5m"), 3 << 19);
  for (const char* text : {"", "m", "1x", "1mm", "1mib2", "-1", "1..5", "99999999999p", "1bb"}) {
    EXPECT_FALSE(ParseByteSize(text).has_value()) << text;
  }
}

TEST(Text, SizesArePrintedInPowersOf1000) {
  EXPECT_EQ(FormatByteSize(0), "0B");
  EXPECT_EQ(FormatByteSize(999), "999B");
  EXPECT_EQ(FormatByteSize(1840), "1.84kB");
  EXPECT_EQ(FormatByteSize(1234567, 3), "1.23MB");
  EXPECT_EQ(FormatByteSize(999'999, 3), "1MB");
  EXPECT_EQ(FormatByteSize(UINT64_MAX, 3), "18.4EB");
}

TEST(Text, EditDistanceCountsChanges) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("web", "web"), 0u);
  EXPECT_EQ(EditDistance("web", "wen"), 1u);
  EXPECT_EQ(EditDistance("web", "ebw"), 2u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
}

}  // namespace
}  // namespace hoy
