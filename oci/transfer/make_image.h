#pragma once
// A new image: one layer, given as a tar, on top of an image or of nothing. For import and commit.
// The tar is read once: unpacked, hashed and kept as a blob on the way.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/config_edit.h"
#include "oci/image/image_store.h"
#include "oci/image/manifest_encode.h"
#include "oci/layer/byte_source.h"

namespace hoy::oci {

struct NewImage {
  std::optional<ImageRecord> base;
  ManifestFormat format = ManifestFormat::kOci;
  ImageStep step;  // its diff_id is filled in here
  std::vector<Reference> names;
};

// `layer`: compressed or not; kept as it is. `layout` is prepared. kNotFound: the base's config or
// manifest is not here. Returns the id. Nothing is left behind by an error.
Result<Digest> MakeImage(const core::Layout& layout, ByteSource& layer, NewImage image);

}  // namespace hoy::oci
