#include "oci/registry/search.h"

#include <gtest/gtest.h>

#include "tests/system/fault_server.h"

namespace hoy::oci {
namespace {

TEST(Search, ReadsDockerHubsAnswer) {
  auto found = ParseHubAnswer(R"({"count": 2, "next": "", "results": [
      {"repo_name": "busybox", "short_description": "Busybox base image.", "star_count": 3300,
       "pull_count": 1, "is_automated": false, "is_official": true},
      {"repo_name": "someone/busybox", "short_description": null, "star_count": 4},
      {"no": "name"}, 3]})");
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].name, "docker.io/library/busybox");
  EXPECT_EQ((*found)[0].stars, 3300);
  EXPECT_TRUE((*found)[0].official);
  EXPECT_EQ((*found)[1].name, "docker.io/someone/busybox");
  EXPECT_EQ((*found)[1].description, "");
}

TEST(Search, RefusesWhatIsNoAnswer) {
  for (const char* text : {"", "[]", "{}", R"({"results": 1})", "<html>"}) {
    EXPECT_FALSE(ParseHubAnswer(text)) << text;
  }
  for (const char* text : {"", "[]", R"({"tags": 1})", R"({"tags": [1]})"}) {
    EXPECT_FALSE(ParseNameList(text, "tags")) << text;
  }
  EXPECT_TRUE(ParseNameList(R"({"tags": null})", "tags").value().empty());
}

TEST(Search, TakesNothingForATagThatIsNone) {
  for (const char* tag : {"5000/evil:1", "", "a b", "-x", "1@sha256:0", "\\u001b[2J"}) {
    test::FaultServer server([&](const test::FaultRequest&) {
      return test::FaultReply{.body = std::string(R"({"tags": ["good", ")") + tag + "\"]}"};
    });
    SearchRequest request{.credentials = {.creds = "u:p"}};
    CancelToken cancel;
    auto repository = Reference::Parse(server.address() + "/busybox");
    ASSERT_TRUE(repository);
    auto tags = ListTags(*repository, 100, request, cancel);
    ASSERT_FALSE(tags) << tag;
    EXPECT_EQ(tags.error().kind, ErrorKind::kCorrupt) << tags.error().message;
    EXPECT_EQ(ListTags(*repository, 1, request, cancel).value(), std::vector<std::string>{"good"});
  }
}

}  // namespace
}  // namespace hoy::oci
