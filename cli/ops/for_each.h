#pragma once
// What verbs of many objects have in common: one that fails is reported, the others go on, and the
// exit code tells.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/ui/context.h"
#include "cli/ui/format.h"
#include "core/base/result.h"

namespace hoy::cli {

// Prints what `find` gives for each name, by `format` (FormatInspect). The exit code.
Result<int> InspectEach(Context& context, std::span<const std::string> names,
                        std::string_view format,
                        const std::function<Result<Json>(const std::string&)>& find);

struct PruneStyle {
  std::string_view what;     // "Containers"
  bool dry_run = false;      // "that would be deleted"
  bool tells_space = false;  // at the end, what they took
};
// Prints each of `names` that `prune` gives the bytes of, which it took; nullopt: it stays. The
// exit code.
int PruneEach(Context& context, std::span<const std::string> names, const PruneStyle& style,
              const std::function<Result<std::optional<int64_t>>(const std::string&)>& prune);

}  // namespace hoy::cli
