#pragma once
// Small text helpers that the standard library lacks.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hoy {

// "a,b,,c" -> {"a","b","","c"}; an empty text gives no fields.
std::vector<std::string_view> Split(std::string_view text, char separator);

// {before, after} the first `separator`; `after` is nullopt when there is none.
struct Cut {
  std::string_view before;
  std::optional<std::string_view> after;
};
Cut CutAt(std::string_view text, char separator);

// Strings or views: {"a", "b"} and ", " give "a, b".
template <typename Range>
std::string Join(const Range& parts, std::string_view separator) {
  std::string text;
  bool is_first = true;
  for (const auto& part : parts) {
    if (!is_first) text += separator;
    is_first = false;
    text += part;
  }
  return text;
}

std::string_view Trim(std::string_view text);  // spaces, tabs, CR, LF on both ends
std::string ToLower(std::string_view ascii);
bool IsHex(std::string_view text);  // lower-case hex digits only, not empty
bool IsUtf8(std::string_view text);

// The whole text as a decimal number, or nullopt (sign, space, overflow and trailing text
// included).
template <typename Integer>
std::optional<Integer> ParseInteger(std::string_view text) {
  Integer value{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "512", "64m", "1.5GB", "2GiB" -> bytes; units are powers of 1024, as docker's --memory has them.
std::optional<int64_t> ParseByteSize(std::string_view text);

// 1840 -> "1.84kB": significant digits, powers of 1000, as docker prints sizes (with three of them
// in `images` and `history`, else four).
std::string FormatByteSize(uint64_t bytes, int digits = 4);

// Levenshtein distance, for "did you mean".
size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace hoy
