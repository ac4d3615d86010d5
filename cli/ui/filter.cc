#include "cli/ui/filter.h"

#include <algorithm>

#include "cli/ui/parser.h"
#include "core/base/text.h"

namespace hoy::cli {

Result<Filters> Filters::Parse(std::span<const std::string> texts,
                               std::initializer_list<std::string_view> known) {
  Filters filters;
  for (const std::string& text : texts) {
    Cut cut = CutAt(text, '=');
    if (!cut.after) {
      return Fail(ErrorKind::kInvalidArgument, "invalid filter '{}': wants KEY=VALUE", text);
    }
    if (std::ranges::find(known, cut.before) == known.end()) {
      Error error =
          MakeError(ErrorKind::kInvalidArgument, fmt::format("unknown filter '{}'", cut.before));
      error.subject = cut.before;
      return Fail(std::move(error).WithHint(fmt::format("filters are {}", Join(known, ", "))));
    }
    filters.values_[std::string(cut.before)].emplace_back(*cut.after);
  }
  return filters;
}

std::span<const std::string> Filters::Values(std::string_view key) const {
  auto found = values_.find(key);
  if (found == values_.end()) return {};
  return found->second;
}

bool Filters::Match(std::string_view key,
                    const std::function<bool(std::string_view value)>& matches) const {
  std::span<const std::string> values = Values(key);
  return values.empty() || std::ranges::any_of(values, matches);
}

}  // namespace hoy::cli
