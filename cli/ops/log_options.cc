#include "cli/ops/log_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "cli/ops/line_pattern.h"
#include "cli/ui/template.h"
#include "core/base/text.h"
#include "core/state/container_id.h"

namespace hoy::cli {
namespace {

using core::LogDriver;

constexpr std::string_view kOfFiles[] = {"compress", "env",          "env-regex",
                                         "labels",   "labels-regex", "max-file",
                                         "max-size", "mode",         "tag"};
constexpr std::string_view kOfJournald[] = {"env",          "env-regex", "labels",
                                            "labels-regex", "mode",      "tag"};
constexpr std::string_view kShortId = "{{.ID}}";

std::span<const std::string_view> OptionsOf(LogDriver driver) {
  switch (driver) {
    case LogDriver::kFile:
    case LogDriver::kJsonFile: return kOfFiles;
    case LogDriver::kJournald: return kOfJournald;
    case LogDriver::kNone:
    case LogDriver::kPassthrough: return {};
  }
  return {};
}

Result<LogDriver> ParseDriver(std::string_view text) {
  if (text.empty()) return LogDriver::kFile;
  for (LogDriver driver : core::kLogDrivers) {
    if (text == core::ToString(driver)) return driver;
  }
  return Fail(ErrorKind::kInvalidArgument, "--log-driver '{}': one of {}", text,
              Join(LogDriverNames(), ", "));
}

// "10m": powers of 1000, as docker has them here.
std::optional<uint64_t> ParseLogSize(std::string_view text) {
  if (!text.empty() && (text.back() == 'b' || text.back() == 'B')) text.remove_suffix(1);
  uint64_t unit = 1;
  if (!text.empty()) {
    constexpr std::string_view kUnits = "kmgt";
    size_t at = kUnits.find(static_cast<char>(text.back() | 0x20));
    if (at != std::string_view::npos) {
      for (size_t i = 0; i <= at; ++i) unit *= 1000;
      text.remove_suffix(1);
    }
  }
  auto number = ParseInteger<uint64_t>(text);
  uint64_t size = 0;
  if (!number || __builtin_mul_overflow(*number, unit, &size)) return std::nullopt;
  return size;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

Result<> SetOption(core::LogConfig& config, std::string_view name, std::string_view value) {
  if (name == "max-size") {
    auto size = ParseLogSize(value);
    if (!size || *size == 0) {
      return Fail(ErrorKind::kInvalidArgument, "--log-opt max-size '{}': not a size like 10m",
                  value);
    }
    config.max_size = *size;
  } else if (name == "max-file") {
    auto files = ParseInteger<uint32_t>(value);
    if (!files || *files == 0) {
      return Fail(ErrorKind::kInvalidArgument, "--log-opt max-file '{}': not a number from 1 on",
                  value);
    }
    config.max_files = *files;
  } else if (name == "compress") {
    auto compress = ParseBool(value);
    if (!compress) {
      return Fail(ErrorKind::kInvalidArgument, "--log-opt compress '{}': true or false", value);
    }
    config.compress = *compress;
  } else if (name == "mode" && value != "blocking") {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--log-opt mode '{}': only blocking", value))
                    .WithHint("no line is ever left out because it comes too fast"));
  } else if (name.ends_with("-regex")) {
    TRY_CONTEXT(LinePattern::Compile(value), "--log-opt {}", name);
  } else if (name == "tag") {
    TRY_CONTEXT(Template::Parse(value), "--log-opt tag");
  }
  return {};
}

std::string_view OptionOf(const core::LogConfig& config, std::string_view name) {
  for (const auto& [key, value] : config.options) {
    if (key == name) return value;
  }
  return "";
}

// Which of `all` are named by the options `list` ("a,b") and `list`-regex.
Result<> Choose(const core::LogConfig& config, std::string_view list,
                const std::map<std::string, std::string>& all,
                std::map<std::string, std::string>& chosen) {
  for (std::string_view name : Split(OptionOf(config, list), ',')) {
    auto found = all.find(std::string(Trim(name)));
    if (found != all.end()) chosen.insert(*found);
  }
  std::string_view expression = OptionOf(config, fmt::format("{}-regex", list));
  if (expression.empty()) return {};
  TRY(LinePattern pattern, LinePattern::Compile(expression));
  for (const auto& entry : all) {
    if (pattern.Matches(entry.first)) chosen.insert(entry);
  }
  return {};
}

Result<std::string> RenderTag(const core::ContainerRecord& record, std::string_view text) {
  TRY_CONTEXT(Template::Parse(text), "--log-opt tag");
  TRY(Template tag, Template::Parse(text));
  const core::ImageIdentity& image = record.config.image;
  return tag.Render({{"ID", core::ShortId(record.id)},
                     {"FullID", record.id},
                     {"Name", record.name},
                     {"ImageID", core::ShortId(image.id)},
                     {"ImageFullID", image.id},
                     {"ImageName", image.reference},
                     {"DaemonName", "hoy"}});
}

}  // namespace

std::vector<std::string_view> LogDriverNames() {
  std::vector<std::string_view> names;
  for (LogDriver driver : core::kLogDrivers) names.push_back(core::ToString(driver));
  return names;
}

Result<core::LogConfig> ParseLogOptions(std::string_view driver,
                                        const std::vector<std::string>& options) {
  core::LogConfig config;
  TRY(config.driver, ParseDriver(driver));
  std::map<std::string, std::string> given;
  for (const std::string& option : options) {
    auto [name, value] = CutAt(option, '=');
    if (!value) {
      return Fail(ErrorKind::kInvalidArgument, "--log-opt '{}': not of the form NAME=VALUE",
                  option);
    }
    auto known = OptionsOf(config.driver);
    if (std::ranges::find(known, name) == known.end()) {
      return Fail(ErrorKind::kInvalidArgument, "--log-opt '{}': the log driver {} has {}", name,
                  core::ToString(config.driver), known.empty() ? "no options" : Join(known, ", "));
    }
    TRY(SetOption(config, name, *value));
    given[std::string(name)] = *value;
  }
  config.options.assign(given.begin(), given.end());
  if (config.compress && (config.max_files < 2 || config.max_size == 0)) {
    return Fail(ErrorKind::kInvalidArgument,
                "--log-opt compress: only with a max-size and a max-file of 2 or more");
  }
  return config;
}

Result<core::LogConfig> BuildLogConfig(const RunOptions& options,
                                       std::vector<std::string>& warnings) {
  TRY(core::LogConfig config, ParseLogOptions(options.log_driver, options.log_opt));
  if (config.max_files > 1 && config.max_size == 0) {
    warnings.emplace_back("--log-opt max-file has no effect without max-size");
  }
  if (config.driver == LogDriver::kPassthrough && (options.tty || !options.attach.empty())) {
    return Fail(ErrorKind::kInvalidArgument, "conflicting options: --log-driver passthrough and {}",
                options.tty ? "--tty" : "--attach");
  }
  return config;
}

Result<> ResolveLogAttributes(core::ContainerRecord& record) {
  core::LogConfig& config = record.config.log;
  std::string_view tag = OptionOf(config, "tag");
  bool journald = config.driver == LogDriver::kJournald;
  if (config.options.empty() && !journald) return {};
  std::map<std::string, std::string> labels(record.config.labels.begin(),
                                            record.config.labels.end());
  std::map<std::string, std::string> variables;
  for (const std::string& entry : record.config.process.env) {
    auto [name, value] = CutAt(entry, '=');
    variables.emplace(name, value.value_or(""));
  }
  std::map<std::string, std::string> chosen;
  TRY(Choose(config, "labels", labels, chosen));
  TRY(Choose(config, "env", variables, chosen));
  if (!tag.empty() || journald) {
    TRY(config.tag, RenderTag(record, tag.empty() ? kShortId : tag));
  }
  if (!tag.empty()) chosen["tag"] = config.tag;
  config.attributes.assign(chosen.begin(), chosen.end());
  return {};
}

}  // namespace hoy::cli
