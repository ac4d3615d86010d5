#include "cli/ops/image_filters.h"

#include "core/base/text.h"

namespace hoy::cli {

bool HasLabel(const oci::ListedImage& image, std::string_view wanted) {
  Cut cut = CutAt(wanted, '=');
  for (const auto& [name, value] : image.record.config.labels) {
    if (name == cut.before && (!cut.after || value == *cut.after)) return true;
  }
  return false;
}

Result<core::Timestamp> ParseMoment(const std::string& text, core::Timestamp now) {
  if (auto age = core::ParseDuration(text)) return now - *age;
  if (auto moment = core::ParseRfc3339(text)) return *moment;
  if (auto day = core::ParseRfc3339(text + "T00:00:00Z")) return *day;
  Error error = MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("invalid value '{}' for the filter 'until'", text));
  return Fail(std::move(error).WithHint("wants an age (24h) or a time (2026-11-22T13:00:00Z)"));
}

}  // namespace hoy::cli
