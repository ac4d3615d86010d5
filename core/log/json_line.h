#pragma once
// A line of docker's json-file log (daemon/logger/jsonfilelog/jsonlog of moby):
//
//   {"log":"text\n","stream":"stdout","attrs":{...},"time":"2026-11-22T13:07:00.12Z"}\n
//
// A line of output longer than kJsonPart bytes comes in parts; all but the last have no "\n". What
// is not UTF-8 becomes U+FFFD, as with docker. Usable in hoy-monitor: no allocation.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hoy::core {

constexpr size_t kJsonPart = 16 * 1024;
constexpr size_t kMaxJsonTime = 32;

// Escapes from the front of `text` until it is empty, or `to` has no room for one more. How many
// bytes were put there.
size_t EscapeJson(std::string_view* text, char* to, size_t room);

// How many bytes of output there are in whole lines of the form above.
size_t JsonTextSize(std::string_view lines);

// RFC 3339 in UTC, with as many digits of a second as are needed. Its length; `to` has room for
// kMaxJsonTime.
size_t FormatJsonTime(int64_t time_ns, char* to);

}  // namespace hoy::core
