#pragma once
// Which blobs are known to unpack to which diff IDs. A layer that is here by its chain ID says
// nothing about a blob that an image claims for it: anybody can write the diff ID of somebody
// else's layer into a config, and would then be given that layer's files without having them.

#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"
#include "oci/image/image_record.h"

namespace hoy::oci {

class ProvenLayers {
 public:
  explicit ProvenLayers(const core::Layout& layout) : layout_(layout) {}

  // A plain layer's diff ID is its digest. Else an image that is here has the very pair: it was
  // compared when that image came. Reads records and manifests only where the first does not
  // answer.
  bool IsProven(const Digest& blob, const Digest& diff_id);

 private:
  const core::Layout& layout_;
  std::optional<std::vector<ImageRecord>> records_;
};

}  // namespace hoy::oci
