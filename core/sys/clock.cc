#include "core/sys/clock.h"

#include <time.h>

#include <array>
#include <chrono>
#include <cmath>

#include "core/base/text.h"

namespace hoy::core {
namespace {

Error NotATime(std::string_view text) {
  return MakeError(ErrorKind::kInvalidArgument, fmt::format("not an RFC 3339 time: '{}'", text));
}

// `count` decimal digits at `text[at]`, or -1.
int Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  return ParseInteger<unsigned>(text.substr(at, count)).value_or(static_cast<unsigned>(-1));
}

}  // namespace

Timestamp Now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

std::string FormatRfc3339(Timestamp time) {
  if (time == 0) return "0001-01-01T00:00:00Z";
  time_t seconds = time / kSecond;
  auto fraction = static_cast<long>(time % kSecond);
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     fraction);
}

Result<Timestamp> ParseRfc3339(std::string_view text) {
  using namespace std::chrono;
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return Fail(NotATime(text));
  }
  int year_number = Digits(text, 0, 4);
  int month_number = Digits(text, 5, 2);
  int day_number = Digits(text, 8, 2);
  int hour = Digits(text, 11, 2);
  int minute = Digits(text, 14, 2);
  int second = Digits(text, 17, 2);
  year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                      day(static_cast<unsigned>(day_number))};
  if (year_number < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return Fail(NotATime(text));
  }
  std::string_view rest = text.substr(19);
  int64_t nanoseconds = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t unit = kSecond / 10;
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
      nanoseconds += (rest[digits] - '0') * unit;
      unit /= 10;
      ++digits;
    }
    if (digits == 0) return Fail(NotATime(text));
    rest.remove_prefix(digits);
  }
  int64_t offset_seconds = 0;
  if (rest != "Z" && rest != "z") {
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') {
      return Fail(NotATime(text));
    }
    int offset_hours = Digits(rest, 1, 2);
    int offset_minutes = Digits(rest, 4, 2);
    if (offset_hours < 0 || offset_minutes < 0) return Fail(NotATime(text));
    offset_seconds = (offset_hours * 60 + offset_minutes) * 60 * (rest[0] == '-' ? -1 : 1);
  }
  int64_t days = sys_days(date).time_since_epoch().count();
  int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset_seconds;
  if (year_number <= 1) return 0;  // Go's zero time
  if (seconds >= INT64_MAX / kSecond) return INT64_MAX;
  if (seconds <= INT64_MIN / kSecond) return INT64_MIN;
  return seconds * kSecond + nanoseconds;
}

std::string HumanDuration(Timestamp nanoseconds) {
  int64_t seconds = nanoseconds / kSecond;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  int64_t hours = (seconds + 1800) / 3600;
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

Result<Timestamp> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                           {"us", 1e3},
                                           {"µs", 1e3},
                                           {"ms", 1e6},
                                           {"s", 1e9},
                                           {"m", 60e9},
                                           {"h", 3600e9},
                                           {"d", 86400e9}}};
  auto bad = [&] {
    return Fail(ErrorKind::kInvalidArgument,
                "not a duration: '{}' (say 90s, 1h30m, or a number of seconds)", text);
  };
  std::string_view rest = text;
  bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  if (rest.empty()) return bad();
  double total = 0;
  bool bare_number = rest.find_first_not_of("0123456789.") == std::string_view::npos;
  while (!rest.empty()) {
    double number = 0;
    size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    auto [end, code] = std::from_chars(rest.data(), rest.data() + digits, number);
    if (code != std::errc{} || end != rest.data() + digits) return bad();
    rest.remove_prefix(digits);
    if (bare_number) {
      total = number * 1e9;
      break;
    }
    size_t letters = std::min(rest.find_first_of("0123456789."), rest.size());
    std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    bool known = false;
    for (const Unit& unit : kUnits) {
      if (unit.name != name) continue;
      total += number * unit.nanoseconds;
      known = true;
    }
    if (!known) return bad();
  }
  if (total >= 9.2e18) return bad();
  return static_cast<Timestamp>(std::llround(negative ? -total : total));
}

}  // namespace hoy::core
