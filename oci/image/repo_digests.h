#pragma once
// What registries have given an image: its record's repo_digests.

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace hoy::oci {

// A registry has the image now as `name` with that digest: kept while the image has a name of that
// repository, and else not at all, as docker does. An image that is gone is no error. Takes the
// images lock for a moment.
Result<> AddRepoDigest(const core::Layout& layout, const Digest& image, const Reference& name,
                       const Digest& digest);

}  // namespace hoy::oci
