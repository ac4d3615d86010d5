#pragma once
// What the filters of `images` and `image prune` have in common.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/sys/clock.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// "KEY" or "KEY=VALUE".
bool HasLabel(const oci::ListedImage& image, std::string_view wanted);

// The value of `until`: an age ("24h") before `now`, a day, or an RFC 3339 time. kInvalidArgument.
Result<core::Timestamp> ParseMoment(const std::string& text, core::Timestamp now);

}  // namespace hoy::cli
