// hoy search against docker-registry, and against registries that page or refuse.

#include "tests/support/registry.h"
#include "tests/support/sandbox.h"
#include "tests/system/fault_server.h"

namespace hoy::test {
namespace {

class Search : public HoySandbox {};

TEST_F(Search, FindsRepositoriesAndTags) {
  Registry registry;
  ImageBuilder builder;
  builder.Layer(Tar().File("word", "hello"));
  Image image = builder.Build();
  for (const char* name : {"team/app", "team/application", "other"})
    registry.Push(name, "1", image);
  registry.Push("team/app", "2", image);
  EXPECT_EQ(RunOk({"search", "--format", "{{.Name}}", registry.address() + "/app"}),
            registry.address() + "/team/app\n" + registry.address() + "/team/application");
  EXPECT_EQ(RunOk({"search", "-q", "--limit", "1", registry.address() + "/"}),
            registry.address() + "/other");
  EXPECT_EQ(RunOk({"search", "--list-tags", registry.address() + "/team/app"}).substr(0, 4),
            "NAME");
  // In the registry's order, which is none here.
  std::string tags = RunOk({"search", "-q", "--list-tags", registry.address() + "/team/app"});
  EXPECT_TRUE(tags == "1\n2" || tags == "2\n1") << tags;
  EXPECT_EQ(Run({"search", "--list-tags", registry.address() + "/nothing"}).code, 1);
  EXPECT_EQ(RunOk({"search", "-q", "--filter", "stars=1", registry.address() + "/app"}), "");
  EXPECT_EQ(Run({"search", "--filter", "nothing=1", registry.address() + "/app"}).code, 125);
}

TEST_F(Search, FollowsPagesButNotToOtherHosts) {
  FaultServer other([](const FaultRequest&) { return FaultReply{.body = R"({"tags":["evil"]})"}; });
  std::string second = "/v2/app/tags/list?page=2";
  FaultServer registry([&](const FaultRequest& request) {
    if (request.target.ends_with("page=2")) {
      return FaultReply{.headers = {{"Link", "<" + other.Url("/v2/") + ">; rel=\"next\""}},
                        .body = R"({"tags":["b"]})"};
    }
    return FaultReply{.headers = {{"Link", "<" + second + ">; rel=\"next\""}},
                      .body = R"({"tags":["a"]})"};
  });
  EXPECT_EQ(RunOk({"search", "-q", "--list-tags", "--limit=2", registry.address() + "/app"}),
            "a\nb");
  Output output = Run({"search", "--list-tags", registry.address() + "/app"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(Search, ARegistryWithoutAListSaysSo) {
  FaultServer registry([](const FaultRequest&) { return FaultReply{.status = 404}; });
  Output output = Run({"search", registry.address() + "/app"});
  EXPECT_EQ(output.code, 125) << output;
  EXPECT_NE(output.err.find("gives out no list"), std::string::npos) << output;
}

TEST_F(Search, AWebPageIsNoAnswer) {
  FaultServer page([](const FaultRequest&) { return FaultReply{.body = "\n<!doctype html>"}; });
  FaultServer text([](const FaultRequest&) { return FaultReply{.body = "hello"}; });
  for (const char* flag : {"-q", "--list-tags"}) {
    Output output = Run({"search", flag, page.address() + "/app"});
    EXPECT_EQ(output.code, 125) << output;
    EXPECT_NE(output.err.find(": the answer is a web page\nhint: this may not be a registry"),
              std::string::npos)
        << output;
    output = Run({"search", flag, text.address() + "/app"});
    EXPECT_NE(output.err.find("the answer is not a JSON object\nhint: this may not be a registry"),
              std::string::npos)
        << output;
  }
}

}  // namespace
}  // namespace hoy::test
