#pragma once
// The times that users give to --since, --until and the filters of that name, in docker's forms.

#include <string_view>

#include "core/base/result.h"
#include "core/sys/clock.h"

namespace hoy::cli {

// An age before `now` ("10m"); seconds since 1970 ("1700000000.5"); or a date with as much of a
// time as is known: "2026-11-22", "2026-11-22T13", "...T13:07", "...T13:07:00.5", each with "Z" or
// an offset, or else in local time. kInvalidArgument.
Result<core::Timestamp> ParseMoment(std::string_view text, core::Timestamp now);

// The same as the value of the filter `until`, which errors name.
Result<core::Timestamp> ParseUntil(std::string_view text, core::Timestamp now);

}  // namespace hoy::cli
