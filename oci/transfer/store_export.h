#pragma once
// An image of the store to a target (image_target.h). Each blob that the target lacks is read once;
// where the target wants plain tars, it is decompressed in a thread of its own and its diff ID is
// checked on the way.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"
#include "oci/transfer/image_target.h"

namespace hoy::oci {

// kNotFound: a blob of the image is no longer here (pull it again). The target's own errors.
Result<> ExportImage(const core::Layout& layout, const ImageRecord& record,
                     const std::vector<Reference>& names, ImageTarget& target);

}  // namespace hoy::oci
