#include "oci/image/manifest_edit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hoy::oci {
namespace {

using Json = nlohmann::ordered_json;

std::string OciLayerType(std::string_view type) {
  if (type == media_type::kDockerLayer) return std::string(media_type::kOciLayer);
  if (type == media_type::kDockerLayerGzip) return std::string(media_type::kOciLayerGzip);
  if (type == media_type::kDockerLayerZstd) return std::string(media_type::kOciLayerZstd);
  return std::string(type);
}

}  // namespace

Result<EditedManifest> ReplaceLayers(std::string_view manifest,
                                     std::span<const Descriptor> layers) {
  TRY(Manifest parsed, ParseManifest(manifest));  // bounded depth, layers of the right shape
  Json document = Json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (parsed.layers.size() != layers.size()) {
    return Fail(ErrorKind::kCorrupt, "the manifest has {} layers, not {}", parsed.layers.size(),
                layers.size());
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    if (parsed.layers[i].digest == layers[i].digest) continue;
    document["layers"][i] = {{"mediaType", layers[i].media_type},
                             {"digest", layers[i].digest.ToString()},
                             {"size", layers[i].size}};
  }
  bool zstd = std::ranges::any_of(
      layers, [](const Descriptor& layer) { return layer.media_type.ends_with("zstd"); });
  std::string type = parsed.media_type;
  if (zstd && type == media_type::kDockerManifest) {
    type = media_type::kOciManifest;
    document["mediaType"] = type;
    document["config"]["mediaType"] = media_type::kOciConfig;
    for (Json& layer : document["layers"]) {
      layer["mediaType"] = OciLayerType(layer["mediaType"].get<std::string>());
    }
  }
  return EditedManifest{.bytes = document.dump(), .media_type = std::move(type)};
}

Result<EditedManifest> ConvertManifest(std::string manifest, ManifestFormat format) {
  TRY(Manifest parsed, ParseManifest(manifest));
  if (FormatOf(parsed) == format) {
    return EditedManifest{.bytes = std::move(manifest), .media_type = std::move(parsed.media_type)};
  }
  parsed = Convert(std::move(parsed), format);
  if (std::ranges::any_of(parsed.layers, [](const Descriptor& layer) {
        return layer.media_type == media_type::kDockerLayerZstd;
      })) {
    return Fail(MakeError(ErrorKind::kUnsupported, "Docker's manifests know no zstd")
                    .WithHint("use --compression-format gzip, or --format oci"));
  }
  return EditedManifest{.bytes = EncodeManifest(parsed), .media_type = parsed.media_type};
}

}  // namespace hoy::oci
