#pragma once
// A manifest with other layer blobs, or in another format: what a push sends that packs layers anew
// or converts. The diff IDs, and
// so the config and the image's id, stay; so does every member that hoy does not know.

#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/image/manifest.h"
#include "oci/image/manifest_encode.h"

namespace hoy::oci {

struct EditedManifest {
  std::string bytes;
  std::string media_type;
};

// `layers` (media type, digest, size), as many as the manifest has. A layer that changes loses its
// annotations, which speak of the old blob. Docker's manifests know no zstd: such a one becomes an
// OCI manifest.
Result<EditedManifest> ReplaceLayers(std::string_view manifest, std::span<const Descriptor> layers);

// As the other family has it; what has that format already stays, byte for byte. kUnsupported:
// Docker's know no zstd.
Result<EditedManifest> ConvertManifest(std::string manifest, ManifestFormat format);

}  // namespace hoy::oci
