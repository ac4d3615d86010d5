#include "cli/ops/moment.h"

#include <time.h>

#include <algorithm>
#include <optional>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

std::optional<core::Timestamp> FromUnixSeconds(std::string_view text) {
  auto [seconds, fraction] = CutAt(text, '.');
  auto whole = ParseInteger<int64_t>(seconds);
  if (!whole || *whole < 0 || *whole >= INT64_MAX / core::kSecond) return std::nullopt;
  std::string digits(fraction.value_or("0").substr(0, 9));
  digits.resize(9, '0');
  auto nanoseconds = ParseInteger<int64_t>(digits);
  if (!nanoseconds || *nanoseconds < 0) return std::nullopt;
  return *whole * core::kSecond + *nanoseconds;
}

// What the clocks here showed as `shown`, which is that time in UTC.
core::Timestamp FromLocal(core::Timestamp shown) {
  time_t seconds = shown / core::kSecond - (shown % core::kSecond < 0 ? 1 : 0);
  tm parts{};
  gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  return mktime(&parts) * core::kSecond + (shown - seconds * core::kSecond);
}

std::optional<core::Timestamp> FromDate(std::string_view text) {
  constexpr size_t kDate = sizeof "2026-11-22" - 1;
  if (text.size() < kDate) return std::nullopt;
  size_t zone_at = std::min(text.find_first_of("zZ+-", kDate), text.size());
  std::string_view zone = text.substr(zone_at);
  std::string full(text.substr(0, zone_at));
  constexpr std::string_view kMidnight = "T00:00:00";
  size_t second_end = kDate + kMidnight.size();
  if (full.size() != kDate && full.size() != kDate + 3 && full.size() != kDate + 6 &&
      full.size() < second_end) {
    return std::nullopt;
  }
  if (full.size() < second_end) full += kMidnight.substr(full.size() - kDate);
  auto moment = core::ParseRfc3339(full + std::string(zone.empty() ? "Z" : zone));
  if (!moment) return std::nullopt;
  bool is_beyond = *moment == INT64_MAX || *moment == INT64_MIN;
  return zone.empty() && !is_beyond ? FromLocal(*moment) : *moment;
}

}  // namespace

Result<core::Timestamp> ParseMoment(std::string_view text, core::Timestamp now) {
  if (auto moment = FromUnixSeconds(text)) return *moment;
  if (auto age = core::ParseDuration(text)) return now - *age;
  if (auto moment = FromDate(text)) return *moment;
  return Fail(MakeError(ErrorKind::kInvalidArgument, fmt::format("not a time: '{}'", text))
                  .WithHint("an age (10m), a date (2026-11-22), or a time (2026-11-22T13:00:00Z)"));
}

Result<core::Timestamp> ParseUntil(std::string_view text, core::Timestamp now) {
  auto moment = ParseMoment(text, now);
  if (moment) return moment;
  Error error = MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("invalid value '{}' for the filter 'until'", text));
  return Fail(std::move(error).WithHint("wants an age (24h) or a time (2026-11-22T13:00:00Z)"));
}

}  // namespace hoy::cli
