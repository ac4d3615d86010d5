#pragma once
// Which containers need which images: what oci::ImageStore asks before it removes something.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// One entry per container. A container that is being removed meanwhile is left out; one whose
// record cannot be read is an error, because its image must not go.
Result<std::vector<oci::ImageUser>> ImageUsers(const core::Layout& layout);

// The same, whenever it is asked.
inline oci::ListImageUsers UsersOf(const core::Layout& layout) {
  return [&layout] { return ImageUsers(layout); };
}

}  // namespace hoy::cli
