#pragma once
// Wall-clock times as records and tables have them.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::core {

// Nanoseconds since the epoch, UTC. 0 means "never".
using Timestamp = int64_t;
constexpr Timestamp kSecond = 1'000'000'000;

Timestamp Now();

// RFC 3339 with nanoseconds, "2026-11-22T13:07:00.000000001Z". 0 gives docker's zero time,
// "0001-01-01T00:00:00Z".
std::string FormatRfc3339(Timestamp time);
// Any offset, 0-9 fraction digits. Times beyond a Timestamp's years, 1677 to 2262, are its ends.
Result<Timestamp> ParseRfc3339(std::string_view text);

// "3 days", "About an hour", "Less than a second": docker's words (units.HumanDuration).
std::string HumanDuration(Timestamp nanoseconds);

// "90", "1.5h", "2h45m", "300ms": Go's duration syntax; a bare number is seconds.
Result<Timestamp> ParseDuration(std::string_view text);

}  // namespace hoy::core
