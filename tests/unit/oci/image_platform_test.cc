#include <gtest/gtest.h>

#include "oci/image/platform.h"

namespace hoy::oci {
namespace {

const Platform kAmd64{.os = "linux", .architecture = "amd64", .variant = ""};

TEST(Platform, ReadsAndNormalises) {
  const std::pair<const char*, const char*> cases[] = {
      {"linux/amd64", "linux/amd64"},     {"linux/x86_64", "linux/amd64"},
      {"linux/amd64/v1", "linux/amd64"},  {"linux/amd64/v3", "linux/amd64/v3"},
      {"linux/arm64", "linux/arm64"},     {"linux/arm64/v8", "linux/arm64"},
      {"linux/arm64/8", "linux/arm64"},   {"linux/aarch64", "linux/arm64"},
      {"aarch64", "linux/arm64"},         {"arm64", "linux/arm64"},
      {"linux/arm", "linux/arm/v7"},      {"linux/arm/v6", "linux/arm/v6"},
      {"linux/armhf", "linux/arm/v7"},    {"linux/armel", "linux/arm/v6"},
      {"armv7l", "linux/arm/v7"},         {"linux/i686", "linux/386"},
      {"Linux/AMD64", "linux/amd64"},     {"linux", "linux/amd64"},
      {"windows", "windows/amd64"},       {"windows/amd64", "windows/amd64"},
      {"linux/riscv64", "linux/riscv64"}, {"linux/ppc64le", "linux/ppc64le"},
      {"linux/s390x", "linux/s390x"},     {"linux/loongarch64", "linux/loong64"},
  };
  for (const auto& [text, expected] : cases) {
    auto platform = ParsePlatform(text, kAmd64);
    ASSERT_TRUE(platform) << text;
    EXPECT_EQ(platform->ToString(), expected) << text;
  }
}

TEST(Platform, RefusesWhatIsNone) {
  for (const char* text : {"", "/", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "toaster",
                           "linux//v8", "linux/amd64/", "../x"}) {
    auto platform = ParsePlatform(text, kAmd64);
    ASSERT_FALSE(platform) << text;
    EXPECT_EQ(platform.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(platform.error().hint.empty());
  }
}

TEST(Platform, PrefersTheFlagThenTheVariableThenTheHost) {
  EXPECT_EQ(ChoosePlatform("linux/s390x", "linux/arm64")->ToString(), "linux/s390x");
  EXPECT_EQ(ChoosePlatform("", "linux/arm64/v8")->ToString(), "linux/arm64");
  EXPECT_EQ(*ChoosePlatform("", ""), HostPlatform());
  auto wrong = ChoosePlatform("", "a/b/c/d");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("DOCKER_DEFAULT_PLATFORM"), std::string::npos);
}

TEST(Platform, RanksOlderVariantsBelowTheExactOne) {
  auto rank = [](const char* wanted, const char* candidate) {
    return MatchRank(*ParsePlatform(wanted, kAmd64), *ParsePlatform(candidate, kAmd64));
  };
  EXPECT_EQ(rank("linux/arm/v7", "linux/arm/v7"), 0);
  EXPECT_EQ(rank("linux/arm/v7", "linux/arm/v6"), 1);
  EXPECT_EQ(rank("linux/arm/v7", "linux/arm/v5"), 2);
  EXPECT_EQ(rank("linux/arm/v6", "linux/arm/v7"), std::nullopt);
  EXPECT_EQ(rank("linux/arm64", "linux/arm64/v8"), 0);
  EXPECT_EQ(rank("linux/arm64", "linux/arm64/v9"), std::nullopt);
  EXPECT_EQ(rank("linux/arm64/v9", "linux/arm64"), 1);
  EXPECT_EQ(rank("linux/amd64/v3", "linux/amd64"), 2);
  EXPECT_EQ(rank("linux/amd64", "linux/amd64/v2"), std::nullopt);
  EXPECT_EQ(rank("linux/amd64", "linux/arm64"), std::nullopt);
  EXPECT_EQ(rank("linux/amd64", "windows/amd64"), std::nullopt);
  EXPECT_EQ(MatchRank({.os = "linux", .architecture = "arm", .variant = "v7"},
                      {.os = "linux", .architecture = "arm", .variant = "vx"}),
            std::nullopt);
}

}  // namespace
}  // namespace hoy::oci
