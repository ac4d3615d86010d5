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

}  // namespace hoy::cli
