#pragma once
// `hoy images --tree`: a line for each name, and below it one for each platform.

#include <vector>

#include "cli/ui/template.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// Rows for the images that passed the filters of `rows` (ImageRows, untruncated ids). With
// `all_platforms` also those that the registry has and this machine has not.
std::vector<Json> ImageTreeRows(const oci::ImageStore& store,
                                const std::vector<oci::ListedImage>& images,
                                const std::vector<Json>& rows, bool all_platforms, bool no_trunc);

}  // namespace hoy::cli
