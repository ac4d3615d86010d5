#include "cli/ops/container_path.h"

#include "core/base/text.h"

namespace hoy::cli {

std::optional<ContainerPath> ParseContainerPath(std::string_view text) {
  if (text.starts_with('/') || text.starts_with('.')) return std::nullopt;
  Cut cut = CutAt(text, ':');
  if (!cut.after || cut.before.empty()) return std::nullopt;
  return ContainerPath{std::string(cut.before), std::string(*cut.after)};
}

}  // namespace hoy::cli
