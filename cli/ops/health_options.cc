#include "cli/ops/health_options.h"

#include <algorithm>
#include <array>

#include "cli/ops/option_values.h"
#include "core/base/text.h"
#include "core/sys/clock.h"

namespace hoy::cli {
namespace {

using core::HealthCheck;
using Words = std::vector<std::string>;

constexpr int64_t kShortest = 1'000'000;  // docker's: one millisecond

// The times of a health check by all their names.
struct TimeField {
  std::string_view key;   // in JSON
  std::string_view flag;  // "--health-<flag>", in a Dockerfile "--<flag>"
  int64_t HealthCheck::* field;
  std::string RunOptions::* option;
};
constexpr std::array kTimes = {
    TimeField{"Interval", "interval", &HealthCheck::interval, &RunOptions::health_interval},
    TimeField{"Timeout", "timeout", &HealthCheck::timeout, &RunOptions::health_timeout},
    TimeField{"StartPeriod", "start-period", &HealthCheck::start_period,
              &RunOptions::health_start_period},
    TimeField{"StartInterval", "start-interval", &HealthCheck::start_interval,
              &RunOptions::health_start_interval}};

Result<int64_t> ParseTime(std::string_view flag, std::string_view text) {
  auto time = core::ParseDuration(text);
  if (!time) return Fail(std::move(time).error().InContext(flag));
  if (*time < 0 || (*time > 0 && *time < kShortest)) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': at least 1ms, or 0 for the usual", flag,
                text);
  }
  return *time;
}

Result<int64_t> ParseRetries(std::string_view flag, std::string_view text) {
  return ParseNumberFlag(flag, text, 0, INT32_MAX);
}

// The exec form, or a line for a shell.
Words TestOf(std::string_view command) {
  auto words = ParseJsonWords(command);
  if (!words || words->empty()) return {"CMD-SHELL", std::string(command)};
  words->insert(words->begin(), "CMD");
  return *std::move(words);
}

Result<> CheckTest(const Words& test) {
  if (test.empty() || (test[0] == "NONE" && test.size() == 1)) return {};
  if (test[0] == "CMD" && test.size() > 1) return {};
  if (test[0] == "CMD-SHELL" && test.size() == 2) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "a health check begins with CMD, CMD-SHELL or NONE, and what to run");
}

// The first of the flags that was given.
std::string_view GivenFlag(const RunOptions& options) {
  if (!options.health_cmd.empty()) return "--health-cmd";
  if (!options.health_interval.empty()) return "--health-interval";
  if (!options.health_timeout.empty()) return "--health-timeout";
  if (!options.health_start_period.empty()) return "--health-start-period";
  if (!options.health_start_interval.empty()) return "--health-start-interval";
  if (!options.health_retries.empty()) return "--health-retries";
  if (options.health_on_failure != core::HealthAction::kNone) return "--health-on-failure";
  return {};
}

}  // namespace

Json HealthcheckJson(const HealthCheck& check) {
  Json json = Json::object();
  if (!check.test.empty()) json["Test"] = check.test;
  for (const TimeField& time : kTimes) {
    if (check.*time.field != 0) json[std::string(time.key)] = check.*time.field;
  }
  if (check.retries != 0) json["Retries"] = check.retries;
  return json;
}

Result<HealthCheck> ParseHealthcheck(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(ErrorKind::kInvalidArgument, "not a health check");
  HealthCheck check;
  try {
    auto read = [&](std::string_view key, auto& value) {
      auto found = json.find(key);
      if (found != json.end() && !found->is_null()) found->get_to(value);
    };
    read("Test", check.test);
    for (const TimeField& time : kTimes) read(time.key, check.*time.field);
    read("Retries", check.retries);
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kInvalidArgument, "a field of the health check is of the wrong type");
  }
  TRY(CheckTest(check.test));
  return check;
}

Result<HealthCheck> ParseHealthInstruction(std::string_view text) {
  HealthCheck check;
  std::string_view rest = Trim(text);
  while (rest.starts_with("--")) {
    size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    auto [name, value] = CutAt(rest.substr(0, end), '=');
    rest = Trim(rest.substr(end));
    if (!value) return Fail(ErrorKind::kInvalidArgument, "'{}' wants =VALUE", name);
    auto time = std::ranges::find(kTimes, name.substr(2), &TimeField::flag);
    if (time != kTimes.end()) {
      TRY(check.*time->field, ParseTime(name, *value));
    } else if (name == "--retries") {
      TRY(check.retries, ParseRetries(name, *value));
    } else {
      return Fail(ErrorKind::kInvalidArgument, "'{}' is no option of HEALTHCHECK", name);
    }
  }
  size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  std::string kind = ToLower(rest.substr(0, end));
  rest = Trim(rest.substr(end));
  if (kind == "none" && rest.empty()) {
    check.test = {"NONE"};
  } else if (kind == "cmd" && !rest.empty()) {
    check.test = TestOf(rest);
  } else {
    return Fail(ErrorKind::kInvalidArgument, "say CMD and a command, or NONE");
  }
  return check;
}

Result<std::optional<HealthCheck>> ChooseHealthCheck(const RunOptions& options,
                                                     const oci::ImageRunConfig& image) {
  std::string_view given = GivenFlag(options);
  if (options.no_healthcheck) {
    if (!given.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "conflicting options: --no-healthcheck and {}",
                  given);
    }
    return HealthCheck{.test = {"NONE"}};
  }
  HealthCheck check;
  if (!image.healthcheck.empty()) {
    auto parsed = ParseHealthcheck(image.healthcheck);
    if (!parsed && options.health_cmd.empty()) {
      return Fail(std::move(parsed)
                      .error()
                      .InContext("the image's health check")
                      .WithHint("leave it out with --no-healthcheck, or give another with "
                                "--health-cmd"));
    }
    if (parsed) check = *std::move(parsed);
  }
  check.shell = image.shell;
  if (options.health_cmd == "none") {
    check.test = {"NONE"};
  } else if (!options.health_cmd.empty()) {
    check.test = TestOf(options.health_cmd);
  }
  for (const TimeField& time : kTimes) {
    const std::string& text = options.*time.option;
    if (text.empty()) continue;
    TRY(check.*time.field, ParseTime("--health-" + std::string(time.flag), text));
  }
  if (!options.health_retries.empty()) {
    TRY(check.retries, ParseRetries("--health-retries", options.health_retries));
  }
  check.on_failure = options.health_on_failure;
  if (check.Probes()) return check;
  if (!given.empty() && given != "--health-cmd") {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument, fmt::format("{}: there is no health check", given))
            .WithHint("the image has none; give one with --health-cmd"));
  }
  if (check.test.empty()) return std::nullopt;
  return check;
}

}  // namespace hoy::cli
