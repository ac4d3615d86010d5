#pragma once
// A pull of several platforms: the index and the images in it, kept together as a list
// (oci/image/image_record.h). Entries that are no images (attestations) are kept as they are.

#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/platform.h"
#include "oci/registry/puller.h"

namespace hoy::oci {

// The images for `platforms`; for all there are, when it is empty. `request` as for one image, its
// platform aside. A name that is no list's is pulled as one image. Images that this machine cannot
// even unpack (foreign layers) are left out with a notice; each image is on its own until all are
// here: what an interrupted pull leaves is named by digest, and the next one goes on from it.
Result<PullSummary> PullPlatforms(const core::Layout& layout, const PullRequest& request,
                                  const std::vector<Platform>& platforms, ProgressSink& sink,
                                  CancelToken& cancel);

}  // namespace hoy::oci
