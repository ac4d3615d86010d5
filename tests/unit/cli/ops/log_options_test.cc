#include "cli/ops/log_options.h"

#include <gtest/gtest.h>

#include "core/engine/log_plan.h"

namespace hoy::cli {
namespace {

using Options = std::vector<std::string>;

std::string Wrong(std::string_view driver, const Options& options) {
  auto config = ParseLogOptions(driver, options);
  return config ? "accepted" : config.error().message;
}

TEST(LogOptions, AreReadAsDockersAre) {
  auto none = ParseLogOptions("", {});
  EXPECT_EQ(none->driver, core::LogDriver::kFile);
  EXPECT_EQ(none->max_size, 0u);
  auto all = ParseLogOptions("json-file",
                             {"max-size=10m", "max-file=3", "compress=true", "mode=blocking"});
  EXPECT_EQ(all->driver, core::LogDriver::kJsonFile);
  EXPECT_EQ(all->max_size, 10'000'000u) << "powers of 1000";
  EXPECT_EQ(all->max_files, 3u);
  EXPECT_TRUE(all->compress);
  EXPECT_EQ(ParseLogOptions("", {"max-size=2k"})->max_size, 2000u);
  EXPECT_EQ(ParseLogOptions("", {"max-size=2G"})->max_size, 2'000'000'000u);
  EXPECT_EQ(ParseLogOptions("", {"max-size=1k", "max-size=7"})->max_size, 7u) << "the last one";
}

TEST(LogOptions, WhatIsWrongIsNamed) {
  EXPECT_TRUE(Wrong("syslog", {}).starts_with("--log-driver 'syslog': one of file, json-file, "));
  EXPECT_EQ(Wrong("none", {"max-size=1m"}),
            "--log-opt 'max-size': the log driver none has no options");
  EXPECT_EQ(Wrong("journald", {"max-size=1m"}),
            "--log-opt 'max-size': the log driver journald has env, env-regex, labels, "
            "labels-regex, mode, tag");
  EXPECT_EQ(Wrong("", {"maxsize"}), "--log-opt 'maxsize': not of the form NAME=VALUE");
  for (const char* size : {"0", "x", "", "-1", "10q", "99999999999g"}) {
    EXPECT_NE(Wrong("", {std::string("max-size=") + size}), "accepted") << size;
  }
  for (const char* option : {"mode=non-blocking", "max-file=0", "max-file=x", "compress=maybe",
                             "compress=true", "tag={{", "labels-regex=(", "env-regex=["}) {
    EXPECT_NE(Wrong("", {option}), "accepted") << option;
  }
}

TEST(LogOptions, WhatHasNoEffectIsAWarning) {
  auto warnings_of = [](const Options& log_opt) {
    RunOptions options;
    options.log_opt = log_opt;
    std::vector<std::string> warnings;
    EXPECT_TRUE(BuildLogConfig(options, warnings).has_value());
    return warnings.size();
  };
  EXPECT_EQ(warnings_of({"max-file=3"}), 1u);
  EXPECT_EQ(warnings_of({"max-file=1"}), 0u);
  EXPECT_EQ(warnings_of({"max-file=3", "max-size=1m"}), 0u);
  EXPECT_EQ(warnings_of({}), 0u);
}

core::ContainerRecord Record(core::LogConfig log) {
  core::ContainerRecord record;
  record.id = std::string(64, 'a');
  record.name = "web";
  record.config.log = std::move(log);
  record.config.image.reference = "nginx:1";
  record.config.labels = {{"tier", "front"}, {"other", "x"}};
  record.config.process.env = {"STAGE=prod", "SECRET=s", "EMPTY="};
  return record;
}

TEST(LogOptions, AttributesComeFromLabelsVariablesAndTag) {
  core::ContainerRecord record = Record(*ParseLogOptions(
      "json-file", {"labels=tier,missing", "env-regex=^(STAGE|EMPTY)$", "tag={{.Name}}/{{.ID}}"}));
  ASSERT_TRUE(ResolveLogAttributes(record).has_value());
  EXPECT_EQ(record.config.log.attributes,
            (core::StringPairs{
                {"EMPTY", ""}, {"STAGE", "prod"}, {"tag", "web/aaaaaaaaaaaa"}, {"tier", "front"}}));
  EXPECT_EQ(core::JsonAttributes(record.config.log),
            R"("attrs":{"EMPTY":"","STAGE":"prod","tag":"web/aaaaaaaaaaaa","tier":"front"},)");
  EXPECT_EQ(core::JsonAttributes({}), "");
}

TEST(LogOptions, JournaldHasFieldsOfItsOwn) {
  core::ContainerRecord record = Record(*ParseLogOptions("journald", {"labels=tier"}));
  ASSERT_TRUE(ResolveLogAttributes(record).has_value());
  auto field = [](std::string_view name, std::string_view value) {
    std::string text(name);
    text += '\n';
    text += static_cast<char>(value.size());
    text += std::string(7, '\0');
    return text.append(value).append("\n");
  };
  const std::string fields = core::JournalFields(record);
  EXPECT_TRUE(fields.starts_with(field("CONTAINER_ID", "aaaaaaaaaaaa")));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"CONTAINER_ID_FULL", record.id},
                                                        {"CONTAINER_NAME", "web"},
                                                        {"CONTAINER_TAG", "aaaaaaaaaaaa"},
                                                        {"SYSLOG_IDENTIFIER", "aaaaaaaaaaaa"},
                                                        {"IMAGE_NAME", "nginx:1"},
                                                        {"TIER", "front"}}) {
    EXPECT_NE(fields.find(field(name, value)), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace hoy::cli
