#pragma once
// What the filters of `images` and `image prune` have in common.

#include <string_view>

#include "oci/image/image_store.h"

namespace hoy::cli {

// "KEY" or "KEY=VALUE".
bool HasLabel(const oci::ListedImage& image, std::string_view wanted);

}  // namespace hoy::cli
