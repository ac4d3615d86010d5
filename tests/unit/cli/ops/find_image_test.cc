#include "cli/ops/find_image.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

TEST(FindImage, RefusesAPlatformThatIsNoneBeforeItLooks) {
  for (const char* wrong : {"foo", "/", "linux/", "a/b/c/d"}) {
    EXPECT_EQ(WantedPlatform(wrong, "").error().kind, ErrorKind::kInvalidArgument) << wrong;
    EXPECT_EQ(WantedPlatform("", wrong).error().kind, ErrorKind::kInvalidArgument) << wrong;
  }
  EXPECT_EQ(*WantedPlatform("", ""), "");
  EXPECT_EQ(*WantedPlatform("linux/arm64", "foo"), "linux/arm64");
  EXPECT_EQ(*WantedPlatform("", "linux/s390x"), "linux/s390x");
}

}  // namespace
}  // namespace hoy::cli
