#include "cli/ops/health_options.h"

#include <gtest/gtest.h>

namespace hoy::cli {
namespace {

using core::HealthAction;
using core::HealthCheck;
using Words = std::vector<std::string>;

constexpr int64_t kSecond = core::kSecond;

oci::ImageRunConfig Image() {
  oci::ImageRunConfig image;
  image.healthcheck = R"({"Test":["CMD","probe"],"Interval":5000000000,"Retries":7})";
  return image;
}

std::optional<HealthCheck> Chosen(const RunOptions& options,
                                  const oci::ImageRunConfig& image = Image()) {
  auto check = ChooseHealthCheck(options, image);
  EXPECT_TRUE(check.has_value()) << check.error().message;
  return check.has_value() ? *check : std::nullopt;
}

std::string Refusal(const RunOptions& options, const oci::ImageRunConfig& image = Image()) {
  auto check = ChooseHealthCheck(options, image);
  if (check) return "accepted";
  EXPECT_EQ(check.error().kind, ErrorKind::kInvalidArgument);
  return check.error().message;
}

TEST(ChooseHealthCheck, TakesTheImages) {
  EXPECT_EQ(Chosen({}),
            (HealthCheck{.test = {"CMD", "probe"}, .interval = 5 * kSecond, .retries = 7}));
  EXPECT_EQ(Chosen({}, {}), std::nullopt);
  oci::ImageRunConfig none;
  none.healthcheck = R"({"Test":["NONE"]})";
  EXPECT_EQ(Chosen({}, none), (HealthCheck{.test = {"NONE"}}));
  none.healthcheck = "{}";
  EXPECT_EQ(Chosen({}, none), std::nullopt);
}

TEST(ChooseHealthCheck, FlagsReplaceItsParts) {
  EXPECT_EQ(Chosen({.health_interval = "1m", .health_timeout = "250ms", .health_retries = "2"}),
            (HealthCheck{.test = {"CMD", "probe"},
                         .interval = 60 * kSecond,
                         .timeout = kSecond / 4,
                         .retries = 2}));
  oci::ImageRunConfig image = Image();
  image.shell = {"/bin/bash", "-ec"};
  EXPECT_EQ(Chosen({.health_cmd = "a | b",
                    .health_start_period = "10s",
                    .health_start_interval = "1s",
                    .health_on_failure = HealthAction::kKill},
                   image),
            (HealthCheck{.test = {"CMD-SHELL", "a | b"},
                         .shell = {"/bin/bash", "-ec"},
                         .interval = 5 * kSecond,
                         .start_period = 10 * kSecond,
                         .start_interval = kSecond,
                         .retries = 7,
                         .on_failure = HealthAction::kKill}));
  EXPECT_EQ(Chosen({.health_cmd = R"(["a", "b c"])"}, {}),
            (HealthCheck{.test = {"CMD", "a", "b c"}}));
  EXPECT_EQ(Chosen({.health_cmd = "[ -e /x ]"}, {}),
            (HealthCheck{.test = {"CMD-SHELL", "[ -e /x ]"}}));
  EXPECT_EQ(Chosen({.health_cmd = "none"})->test, Words{"NONE"});
  EXPECT_EQ(Chosen({.no_healthcheck = true}), (HealthCheck{.test = {"NONE"}}));
}

TEST(ChooseHealthCheck, RefusesWhatMakesNoSense) {
  EXPECT_EQ(Refusal({.health_cmd = "x", .no_healthcheck = true}),
            "conflicting options: --no-healthcheck and --health-cmd");
  EXPECT_EQ(Refusal({.health_on_failure = HealthAction::kStop, .no_healthcheck = true}),
            "conflicting options: --no-healthcheck and --health-on-failure");
  EXPECT_EQ(Refusal({.health_interval = "5s"}, {}), "--health-interval: there is no health check");
  EXPECT_EQ(Refusal({.health_on_failure = HealthAction::kStop}, {}),
            "--health-on-failure: there is no health check");
  EXPECT_EQ(Refusal({.health_interval = "-1s"}),
            "--health-interval '-1s': at least 1ms, or 0 for the usual");
  EXPECT_EQ(Refusal({.health_timeout = "10us"}),
            "--health-timeout '10us': at least 1ms, or 0 for the usual");
  EXPECT_NE(Refusal({.health_start_period = "soon"}).find("--health-start-period"),
            std::string::npos);
  EXPECT_NE(Refusal({.health_retries = "-1"}).find("--health-retries"), std::string::npos);
  oci::ImageRunConfig image;
  for (const char* wrong :
       {"[]", R"({"Test":"x"})", R"({"Test":["CMD"]})", R"({"Test":["SH","x"]})",
        R"({"Test":["CMD","x"],"Interval":"5s"})", R"({"Test":[1]})"}) {
    image.healthcheck = wrong;
    EXPECT_NE(Refusal({}, image).find("the image's health check"), std::string::npos) << wrong;
    EXPECT_EQ(Chosen({.no_healthcheck = true}, image)->test, Words{"NONE"});
    EXPECT_EQ(Chosen({.health_cmd = "x"}, image)->test, (Words{"CMD-SHELL", "x"}));
  }
}

TEST(HealthcheckJson, IsDockers) {
  const HealthCheck check{.test = {"CMD-SHELL", "x"},
                          .interval = 1,
                          .timeout = 2,
                          .start_period = 3,
                          .start_interval = 4,
                          .retries = 5};
  const std::string text =
      R"({"Test":["CMD-SHELL","x"],"Interval":1,"Timeout":2,"StartPeriod":3,"StartInterval":4,)"
      R"("Retries":5})";
  EXPECT_EQ(HealthcheckJson(check).dump(), text);
  EXPECT_EQ(ParseHealthcheck(text).value(), check);
  EXPECT_EQ(HealthcheckJson({.test = {"NONE"}}).dump(), R"({"Test":["NONE"]})");
}

TEST(HealthInstruction, IsADockerfiles) {
  EXPECT_EQ(ParseHealthInstruction("CMD curl -f http://localhost").value(),
            (HealthCheck{.test = {"CMD-SHELL", "curl -f http://localhost"}}));
  EXPECT_EQ(ParseHealthInstruction(
                R"(--interval=1m --timeout=3s  --start-period=5s --start-interval=1s --retries=4 )"
                R"(cmd ["a","b"])")
                .value(),
            (HealthCheck{.test = {"CMD", "a", "b"},
                         .interval = 60 * kSecond,
                         .timeout = 3 * kSecond,
                         .start_period = 5 * kSecond,
                         .start_interval = kSecond,
                         .retries = 4}));
  EXPECT_EQ(ParseHealthInstruction("none").value(), (HealthCheck{.test = {"NONE"}}));
  for (const char* wrong : {"", "CMD", "NONE x", "x", "--interval CMD x", "--interval=x CMD y",
                            "--retries=-1 CMD y", "--colour=red CMD y", "--interval=1s"}) {
    EXPECT_FALSE(ParseHealthInstruction(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace hoy::cli
