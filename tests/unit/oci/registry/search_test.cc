#include "oci/registry/search.h"

#include <gtest/gtest.h>

#include <algorithm>

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

// Docker Hub gives a hundred at a time.
TEST(Search, ReadsAsManyOfDockerHubsPagesAsItTakes) {
  test::FaultServer hub([](const test::FaultRequest& request) {
    auto number = [&](const std::string& name) {
      size_t at = request.target.find(name + "=");
      return at == std::string::npos ? 0 : std::stoi(request.target.substr(at + name.size() + 1));
    };
    const int first = (number("&page") - 1) * number("page_size");
    std::string results;
    for (int i = first; i < std::min(first + number("page_size"), 250); ++i) {
      results += (results.empty() ? "" : ",") + std::string(R"({"repo_name":"some/)") +
                 std::to_string(i) + "\"}";
    }
    return test::FaultReply{.body = R"({"results":[)" + results + "]}"};
  });
  SearchRequest request{.term = "a b", .hub = hub.Url("")};
  CancelToken cancel;
  struct Row {
    size_t limit, found, requests;
  };
  for (const Row& row : {Row{25, 25, 1}, {100, 100, 1}, {130, 130, 2}, {1000, 250, 3}}) {
    const size_t before = hub.requests().size();
    request.limit = row.limit;
    auto found = SearchImages(request, cancel);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->size(), row.found);
    for (size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].name, "docker.io/some/" + std::to_string(i));
    }
    EXPECT_EQ(hub.requests().size() - before, row.requests) << row.limit;
  }
  EXPECT_TRUE(hub.requests()[0].target.starts_with(
      "/v2/search/repositories/?query=a%20b&page_size=25&page=1"))
      << hub.requests()[0].target;
  for (const test::FaultReply& reply :
       {test::FaultReply{.body = "<html>"}, {.status = 404}, {.status = 429}}) {
    test::FaultServer broken([&](const test::FaultRequest&) { return reply; });
    request.hub = broken.Url("");
    auto found = SearchImages(request, cancel);
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().hint, "") << found.error().message;
  }
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
