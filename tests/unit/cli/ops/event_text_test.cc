#include "cli/ops/event_text.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

core::Event Die() {
  return {1'700'000'000'000'000'001,
          "container",
          "die",
          "abc0",
          {{"exitCode", "3"}, {"image", "busybox"}, {"name", "web"}, {"team", "a\nb"}}};
}

TEST(EventText, IsOneLineInDockersForm) {
  EXPECT_EQ(EventText(Die()),
            "2023-11-14T22:13:20.000000001Z container die abc0 (exitCode=3, image=busybox, "
            "name=web, team=a b)\n");
  EXPECT_EQ(EventText({1'700'000'000'000'000'000, "image", "pull", "busybox", {}}),
            "2023-11-14T22:13:20.000000000Z image pull busybox\n");
}

TEST(EventText, HasDockersJsonAndGosFieldNames) {
  const Json json = EventJson(Die());
  EXPECT_EQ(json["status"], "die");
  EXPECT_EQ(json["id"], "abc0");
  EXPECT_EQ(json["from"], "busybox");
  EXPECT_EQ(json["Type"], "container");
  EXPECT_EQ(json["Action"], "die");
  EXPECT_EQ(json["Actor"]["ID"], "abc0");
  EXPECT_EQ(json["Actor"]["Attributes"]["exitCode"], "3");
  EXPECT_EQ(json["scope"], "local");
  EXPECT_EQ(json["time"], 1'700'000'000);
  EXPECT_EQ(json["timeNano"], 1'700'000'000'000'000'001);
  EXPECT_EQ(EventFields(Die())["TimeNano"], 1'700'000'000'000'000'001);
  auto pattern = Template::Parse("{{.Status}} {{json .}} {{json .Type}}");
  EXPECT_EQ(*pattern->Render(EventFields(Die()), json),
            "die " + CompactJson(json) + " \"container\"");
}

TEST(EventText, Filters) {
  auto matches = [](const core::Event& event, const std::string& text) {
    auto filters = Filters::Parse(std::vector<std::string>{text},
                                  {"container", "event", "image", "label", "network", "type"});
    return EventMatches(event, *filters);
  };
  for (const char* yes : {"container=web", "container=ab", "event=die", "image=busybox",
                          "image=docker.io/library/busybox", "label=team", "type=container"}) {
    EXPECT_TRUE(matches(Die(), yes)) << yes;
  }
  for (const char* no :
       {"container=we", "container=", "event=di", "image=other", "label=team=a", "type=image"}) {
    EXPECT_FALSE(matches(Die(), no)) << no;
  }
  core::Event exec = Die();
  exec.action = "exec_create: sh -c ls";
  EXPECT_TRUE(matches(exec, "event=exec_create"));
  core::Event pull{1, "image", "pull", "busybox:1", {{"name", "busybox:1"}}};
  EXPECT_TRUE(matches(pull, "image=busybox"));
  EXPECT_FALSE(matches(pull, "container=busybox:1"));
  core::Event join{1, "network", "connect", "f00d", {{"name", "app"}, {"container", "abc0"}}};
  EXPECT_TRUE(matches(join, "network=app"));
  EXPECT_TRUE(matches(join, "network=f0"));
  EXPECT_TRUE(matches(join, "type=network"));
  EXPECT_FALSE(matches(join, "network=ap"));
  EXPECT_FALSE(matches(join, "container=abc0"));
  EXPECT_FALSE(matches(Die(), "network=web"));
}

}  // namespace
}  // namespace hoy::cli
