#pragma once
// Manifests and indexes: OCI image-spec v1.1 manifest.md, image-index.md, and Docker's schema 2
// (distribution/spec/manifest-v2-2.md), which have the same shape under other media types.
//
// The decoders take bytes from a registry and believe nothing: documents over 4 MiB, nested deeper
// than 64, with more than 4096 layers or manifests, with both `layers` and `manifests`
// (CVE-2021-41190), or with a media type that is not the announced one are kCorrupt. kUnsupported,
// with a sentence: Docker schema 1, foreign (non-distributable) layers, encrypted layers, and
// artifacts that are not container images.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace hoy::oci {

namespace media_type {
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerZstd =
    "application/vnd.docker.image.rootfs.diff.tar.zstd";
// What to send as Accept when fetching a manifest.
inline constexpr std::string_view kAcceptManifests =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";
}  // namespace media_type

inline constexpr size_t kMaxDocumentBytes = 4 << 20;
inline constexpr size_t kMaxLayers = 4096;

struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size = 0;                  // bytes, >= 0
  std::optional<Platform> platform;  // of an index's entries; normalised
  std::map<std::string, std::string> annotations;

  bool operator==(const Descriptor&) const = default;
};

struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
};

using ManifestOrIndex = std::variant<Manifest, Index>;

// `content_type` is what the registry or the descriptor announced (parameters after ";" ignored);
// empty or a generic JSON type: the document speaks for itself.
Result<ManifestOrIndex> ParseManifestOrIndex(std::string_view bytes, std::string_view content_type);
Result<Manifest> ParseManifest(std::string_view bytes, std::string_view content_type = {});

// What a manifest of any kind refers to (config and layers, whatever their types are): for those
// that are only carried from place to place. kCorrupt: it is none.
struct BlobList {
  std::string media_type;
  std::vector<Descriptor> blobs;
};
Result<BlobList> ParseBlobList(std::string_view bytes);

bool IsIndexType(std::string_view media_type);
// Of layers that no registry holds.
bool IsForeignLayerType(std::string_view media_type);

// The entry that serves `wanted` best (first one wins a tie). kNotFound, with the platforms there
// are in the hint. The entry may itself be an index: the caller bounds the nesting.
Result<Descriptor> SelectPlatform(const Index& index, const Platform& wanted);

}  // namespace hoy::oci
