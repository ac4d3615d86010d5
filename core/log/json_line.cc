#include "core/log/json_line.h"

namespace hoy::core {
namespace {

constexpr size_t kLongestEscape = 6;

// How many bytes the well-formed character at the front has; 0: it is none (Unicode, table 3-7).
size_t CharacterLength(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xc2 && lead < 0xe0 ? 2
                  : lead >= 0xe0 && lead < 0xf0 ? 3
                  : lead >= 0xf0 && lead < 0xf5 ? 4
                                                : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

bool IsPlain(char c) {
  return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// Days since 1970-01-01 to a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
void CivilFromDays(int64_t days, int64_t* year, int* month, int* day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t of_era = days - era * 146097;
  int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted = (5 * day_of_year + 2) / 153;
  *day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  *month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

}  // namespace

size_t EscapeJson(std::string_view* text, char* to, size_t room) {
  constexpr char kHex[] = "0123456789abcdef";
  size_t used = 0;
  std::string_view rest = *text;
  auto put = [&](std::string_view bytes) {
    for (char c : bytes) to[used++] = c;
  };
  while (!rest.empty() && used + kLongestEscape <= room) {
    char c = rest[0];
    if (IsPlain(c)) {
      to[used++] = c;
      rest.remove_prefix(1);
      continue;
    }
    size_t length = CharacterLength(rest);
    if (length == 0) {
      put("\\ufffd");
      length = 1;
    } else if (length > 1) {
      std::string_view character = rest.substr(0, length);
      if (character == "\xe2\x80\xa8") {
        put("\\u2028");
      } else if (character == "\xe2\x80\xa9") {
        put("\\u2029");
      } else {
        put(character);
      }
    } else if (c == '"' || c == '\\') {
      to[used++] = '\\';
      to[used++] = c;
    } else if (c == '\n') {
      put("\\n");
    } else if (c == '\r') {
      put("\\r");
    } else {
      put("\\u00");
      to[used++] = kHex[(c >> 4) & 15];
      to[used++] = kHex[c & 15];
    }
    rest.remove_prefix(length);
  }
  *text = rest;
  return used;
}

size_t JsonTextSize(std::string_view lines) {
  constexpr size_t kBeforeText = sizeof("{\"log\":\"") - 1;
  size_t count = 0;
  size_t at = 0;
  while (at < lines.size()) {
    at += kBeforeText;
    while (at < lines.size() && lines[at] != '"') {
      size_t bytes = 1;
      if (lines[at] != '\\') {
        ++at;
      } else if (at + 1 < lines.size() && lines[at + 1] == 'u') {
        std::string_view code = lines.substr(at + 2, 4);
        if (code == "2028" || code == "2029") bytes = 3;
        at += kLongestEscape;
      } else {
        at += 2;
      }
      count += bytes;
    }
    while (at < lines.size() && lines[at] != '\n') ++at;
    ++at;
  }
  return count;
}

size_t FormatJsonTime(int64_t time_ns, char* to) {
  constexpr int64_t kNanos = 1'000'000'000;
  int64_t seconds = time_ns / kNanos;
  int64_t nanos = time_ns % kNanos;
  if (nanos < 0) {
    nanos += kNanos;
    --seconds;
  }
  int64_t days = seconds / 86400;
  int64_t of_day = seconds % 86400;
  if (of_day < 0) {
    of_day += 86400;
    --days;
  }
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDays(days, &year, &month, &day);
  size_t used = 0;
  auto put = [&](int64_t number, int digits, char after) {
    for (int i = digits - 1; i >= 0; --i) {
      to[used + static_cast<size_t>(i)] = static_cast<char>('0' + number % 10);
      number /= 10;
    }
    used += static_cast<size_t>(digits);
    to[used++] = after;
  };
  put(year, 4, '-');
  put(month, 2, '-');
  put(day, 2, 'T');
  put(of_day / 3600, 2, ':');
  put(of_day / 60 % 60, 2, ':');
  put(of_day % 60, 2, '.');
  put(nanos, 9, 'Z');
  if (nanos == 0) {
    used -= 11;
  } else {
    --used;
    while (to[used - 1] == '0') --used;
  }
  to[used++] = 'Z';
  return used;
}

}  // namespace hoy::core
