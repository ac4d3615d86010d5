#pragma once
// Removing an image as `rmi` and `run --rmi` do, and telling `hoy events` of it.

#include <string>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// As ImageStore::Remove.
Result<oci::RemovedImage> RemoveImage(const core::Layout& layout, const std::string& image,
                                      bool force);

}  // namespace hoy::cli
