#include "oci/registry/challenge.h"

#include <gtest/gtest.h>

namespace hoy::oci {
namespace {

TEST(Challenge, ReadsABearerChallenge) {
  auto challenges = ParseChallenges(
      R"(Bearer realm="https://auth.example/token",service="reg.example",scope="repository:a/b:pull,push")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].Parameter("realm"), "https://auth.example/token");
  EXPECT_EQ(challenges[0].Parameter("service"), "reg.example");
  EXPECT_EQ(challenges[0].Parameter("scope"), "repository:a/b:pull,push");
  EXPECT_EQ(challenges[0].Parameter("error"), "");
}

TEST(Challenge, TellsChallengesFromParametersInOneHeader) {
  auto challenges = ParseChallenges(R"(Negotiate, Basic realm="a, b" , bearer REALM=x,scope="s")");
  ASSERT_EQ(challenges.size(), 3u);
  EXPECT_EQ(challenges[0].scheme, "negotiate");
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].Parameter("realm"), "a, b");
  EXPECT_EQ(challenges[2].scheme, "bearer");
  EXPECT_EQ(challenges[2].Parameter("realm"), "x");
  EXPECT_EQ(challenges[2].Parameter("scope"), "s");
}

TEST(Challenge, TakesUnquotedUrlsAndSpacesAroundEquals) {
  auto challenges = ParseChallenges("Bearer realm = https://a.example/t?x=1 , service=\"s\"");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].Parameter("realm"), "https://a.example/t?x=1");
  EXPECT_EQ(challenges[0].Parameter("service"), "s");
}

TEST(Challenge, UndoesBackslashesInQuotedStrings) {
  auto challenges = ParseChallenges(R"(Basic realm="a \"b\" \\ c")");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].Parameter("realm"), R"(a "b" \ c)");
}

TEST(Challenge, SkipsToken68) {
  auto challenges = ParseChallenges(R"(NTLM TlRMTVNTUAAC==, Basic realm="r")");
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_TRUE(challenges[0].parameters.empty());
  EXPECT_EQ(challenges[1].Parameter("realm"), "r");
}

TEST(Challenge, SurvivesRubbish) {
  EXPECT_TRUE(ParseChallenges("").empty());
  EXPECT_TRUE(ParseChallenges(" ,, , ").empty());
  EXPECT_TRUE(ParseChallenges("\x01\x02=\"").empty());
  auto challenges = ParseChallenges(R"(Bearer realm="open)");
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].Parameter("realm"), "open");
}

}  // namespace
}  // namespace hoy::oci
