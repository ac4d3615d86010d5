#pragma once
// Manifests and indexes that hoy writes itself: for images it makes (commit, import, load of an
// archive that has no manifest), and where an archive format wants the other family of media types.

#include <map>
#include <string>
#include <vector>

#include "oci/image/manifest.h"

namespace hoy::oci {

enum class ManifestFormat { kOci, kDocker };

std::string EncodeManifest(const Manifest& manifest);
std::string EncodeIndex(const Index& index);  // OCI's index.json

ManifestFormat FormatOf(const Manifest& manifest);
// The same content under the other family's media types. Config and layers keep their digests.
Manifest Convert(Manifest manifest, ManifestFormat format);

// A layer that is a plain tar, whose digest is the diff ID.
Descriptor PlainLayer(const Digest& diff_id, int64_t size, ManifestFormat format);
Descriptor ConfigDescriptor(const Digest& id, int64_t size, ManifestFormat format);
bool IsPlainLayer(std::string_view media_type);

}  // namespace hoy::oci
