#include "oci/image/manifest_encode.h"

#include <array>
#include <utility>

#include "oci/image/codec.h"

namespace hoy::oci {
namespace {

// OCI's name, Docker's name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kTypes = {{
    {media_type::kOciManifest, media_type::kDockerManifest},
    {media_type::kOciConfig, media_type::kDockerConfig},
    {media_type::kOciLayer, media_type::kDockerLayer},
    {media_type::kOciLayerGzip, media_type::kDockerLayerGzip},
    {media_type::kOciLayerZstd, media_type::kDockerLayerZstd},
}};

std::string ConvertType(const std::string& type, ManifestFormat format) {
  for (const auto& [oci, docker] : kTypes) {
    if (type == oci || type == docker) {
      return std::string(format == ManifestFormat::kOci ? oci : docker);
    }
  }
  return type;
}

Json Encode(const Descriptor& descriptor) {
  Json object = {{"mediaType", descriptor.media_type},
                 {"digest", descriptor.digest.ToString()},
                 {"size", descriptor.size}};
  if (descriptor.platform) {
    Json& platform = object["platform"] = {{"os", descriptor.platform->os},
                                           {"architecture", descriptor.platform->architecture}};
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.annotations.empty()) object["annotations"] = descriptor.annotations;
  return object;
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  Json object = {{"schemaVersion", 2},
                 {"mediaType", manifest.media_type},
                 {"config", Encode(manifest.config)},
                 {"layers", Json::array()}};
  for (const Descriptor& layer : manifest.layers) object["layers"].push_back(Encode(layer));
  if (!manifest.annotations.empty()) object["annotations"] = manifest.annotations;
  return object.dump();
}

std::string EncodeIndex(const Index& index) {
  Json object = {
      {"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", Json::array()}};
  for (const Descriptor& entry : index.manifests) object["manifests"].push_back(Encode(entry));
  return object.dump();
}

ManifestFormat FormatOf(const Manifest& manifest) {
  return manifest.media_type == media_type::kDockerManifest ? ManifestFormat::kDocker
                                                            : ManifestFormat::kOci;
}

Manifest Convert(Manifest manifest, ManifestFormat format) {
  manifest.media_type = ConvertType(manifest.media_type, format);
  manifest.config.media_type = ConvertType(manifest.config.media_type, format);
  for (Descriptor& layer : manifest.layers) {
    layer.media_type = ConvertType(layer.media_type, format);
    // Docker's schema 2 knows no annotations.
    if (format == ManifestFormat::kDocker) layer.annotations.clear();
  }
  if (format == ManifestFormat::kDocker) manifest.annotations.clear();
  return manifest;
}

Descriptor PlainLayer(const Digest& diff_id, int64_t size, ManifestFormat format) {
  return {.media_type = std::string(format == ManifestFormat::kOci ? media_type::kOciLayer
                                                                   : media_type::kDockerLayer),
          .digest = diff_id,
          .size = size};
}

Descriptor ConfigDescriptor(const Digest& id, int64_t size, ManifestFormat format) {
  return {.media_type = std::string(format == ManifestFormat::kOci ? media_type::kOciConfig
                                                                   : media_type::kDockerConfig),
          .digest = id,
          .size = size};
}

bool IsPlainLayer(std::string_view media_type) {
  return media_type == media_type::kOciLayer || media_type == media_type::kDockerLayer;
}

}  // namespace hoy::oci
