#pragma once
// A list from a source into the store: all of its images, or those for some platforms, each as
// store_import.h does it, and then the list under its names.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/transfer/store_import.h"

namespace hoy::oci {

// `platforms` empty: all there are. An offered image that is no list is imported as one. A list
// without a name leaves its images without one. The digest of the index is the answer's id.
Result<ImportedImage> ImportList(const core::Layout& layout, ImageSource& source,
                                 const OfferedImage& image, const std::vector<Platform>& platforms,
                                 const ImportOptions& options);

}  // namespace hoy::oci
