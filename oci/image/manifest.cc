#include "oci/image/manifest.h"

#include <algorithm>

#include "core/base/text.h"
#include "oci/image/codec.h"

namespace hoy::oci {
namespace {

bool IsManifestType(std::string_view type) {
  return type == media_type::kOciManifest || type == media_type::kDockerManifest;
}

bool IsSchema1Type(std::string_view type) {
  return type.starts_with("application/vnd.docker.distribution.manifest.v1+");
}

// A type that announces nothing: some registries and plain web servers send these.
bool IsGenericType(std::string_view type) {
  return type.empty() || type == "application/json" || type == "application/octet-stream" ||
         type == "text/plain";
}

bool IsImageConfigType(std::string_view type) {
  return type == media_type::kOciConfig || type == media_type::kDockerConfig;
}

bool IsLayerType(std::string_view type) {
  return type == media_type::kOciLayer || type == media_type::kOciLayerGzip ||
         type == media_type::kOciLayerZstd || type == media_type::kDockerLayer ||
         type == media_type::kDockerLayerGzip || type == media_type::kDockerLayerZstd;
}

std::unexpected<Error> Schema1() {
  return Fail(MakeError(ErrorKind::kUnsupported,
                        "the image has a Docker schema 1 manifest, a format withdrawn in 2019")
                  .WithHint("push the image again with a current docker or podman"));
}

Descriptor DescriptorOf(const Json& value, const char* key) {
  if (!value.is_object()) throw MalformedJson{fmt::format("'{}' is not a descriptor", key)};
  Descriptor descriptor{.media_type = StringAt(value, "mediaType"),
                        .digest = DigestAt(value, "digest"),
                        .size = IntegerAt(value, "size"),
                        .platform = std::nullopt,
                        .annotations = StringMapAt(value, "annotations")};
  if (const Json* platform = FindMember(value, "platform")) {
    if (!platform->is_object()) throw MalformedJson{"'platform' is not an object"};
    descriptor.platform = Normalize({.os = StringAt(*platform, "os"),
                                     .architecture = StringAt(*platform, "architecture"),
                                     .variant = StringAt(*platform, "variant")});
  }
  return descriptor;
}

std::vector<Descriptor> DescriptorsAt(const Json& object, const char* key) {
  const Json* list = FindMember(object, key);
  if (list == nullptr) throw MalformedJson{fmt::format("'{}' is missing", key)};
  if (!list->is_array()) throw MalformedJson{fmt::format("'{}' is not an array", key)};
  if (list->size() > kMaxLayers) {
    throw MalformedJson{fmt::format("'{}' has more than {} entries", key, kMaxLayers)};
  }
  std::vector<Descriptor> descriptors;
  descriptors.reserve(list->size());
  for (const Json& item : *list) descriptors.push_back(DescriptorOf(item, key));
  return descriptors;
}

Result<> CheckLayerType(std::string_view type) {
  if (IsLayerType(type)) return {};
  if (IsForeignLayerType(type)) {
    return Fail(MakeError(ErrorKind::kUnsupported,
                          "the image has foreign layers, which its registry does not hold")
                    .WithHint("such layers belong to Windows images; choose another --platform"));
  }
  if (type.ends_with("+encrypted")) {
    return Fail(ErrorKind::kUnsupported, "the image has encrypted layers");
  }
  return Fail(ErrorKind::kUnsupported, "the image has a layer of the unknown type '{}'",
              type.substr(0, 256));
}

Result<Manifest> DecodeManifest(const Json& object, std::string type) {
  const Json* config = FindMember(object, "config");
  if (config == nullptr) throw MalformedJson{"'config' is missing"};
  Manifest manifest{.media_type = std::move(type),
                    .config = DescriptorOf(*config, "config"),
                    .layers = DescriptorsAt(object, "layers"),
                    .annotations = StringMapAt(object, "annotations")};
  if (!IsImageConfigType(manifest.config.media_type)) {
    std::string kind = StringAt(object, "artifactType");
    if (kind.empty()) kind = manifest.config.media_type;
    return Fail(ErrorKind::kUnsupported, "it is an artifact of the type '{}', not an image",
                std::string_view(kind).substr(0, 256));
  }
  for (const Descriptor& layer : manifest.layers) TRY(CheckLayerType(layer.media_type));
  return manifest;
}

Result<ManifestOrIndex> DecodeManifestOrIndex(const Json& object, std::string_view announced) {
  std::string type = StringAt(object, "mediaType");
  const Json* version = FindMember(object, "schemaVersion");
  bool is_version_1 = version != nullptr && *version == 1;
  if (is_version_1 || IsSchema1Type(type) || IsSchema1Type(announced)) return Schema1();
  if (version == nullptr || *version != 2) throw MalformedJson{"'schemaVersion' is not 2"};
  if (type.empty()) type = announced;
  if (!announced.empty() && type != announced) {
    throw MalformedJson{fmt::format("announced as '{}', but its mediaType is '{}'",
                                    announced.substr(0, 256), type.substr(0, 256))};
  }
  bool has_manifests = object.contains("manifests");
  bool has_layers = object.contains("layers") || object.contains("config");
  if (has_manifests && has_layers) {
    throw MalformedJson{"it has both 'manifests' and 'layers' or 'config'"};
  }
  if (type.empty()) type = has_manifests ? media_type::kOciIndex : media_type::kOciManifest;
  if (IsIndexType(type)) {
    return Index{.media_type = std::move(type), .manifests = DescriptorsAt(object, "manifests")};
  }
  if (!IsManifestType(type)) {
    return Fail(ErrorKind::kUnsupported, "'{}' is not the type of an image",
                std::string_view(type).substr(0, 256));
  }
  TRY(Manifest manifest, DecodeManifest(object, std::move(type)));
  return manifest;
}

}  // namespace

bool IsForeignLayerType(std::string_view media_type) {
  return media_type.find("nondistributable") != std::string_view::npos ||
         media_type.find("rootfs.foreign") != std::string_view::npos;
}

Result<BlobList> ParseBlobList(std::string_view bytes) {
  return DecodeJson<BlobList>(
      bytes, "manifest", kMaxDocumentBytes, [](const Json& object) -> Result<BlobList> {
        if (object.contains("manifests")) throw MalformedJson{"it is an index"};
        BlobList list{.media_type = StringAt(object, "mediaType"), .blobs = {}};
        if (list.media_type.empty()) list.media_type = media_type::kOciManifest;
        if (FindMember(object, "layers") != nullptr) list.blobs = DescriptorsAt(object, "layers");
        const Json* config = FindMember(object, "config");
        if (config != nullptr) list.blobs.push_back(DescriptorOf(*config, "config"));
        return list;
      });
}

bool IsIndexType(std::string_view media_type) {
  return media_type == media_type::kOciIndex || media_type == media_type::kDockerIndex;
}

Result<ManifestOrIndex> ParseManifestOrIndex(std::string_view bytes,
                                             std::string_view content_type) {
  std::string announced = ToLower(Trim(CutAt(content_type, ';').before));
  if (IsGenericType(announced)) announced.clear();
  return DecodeJson<ManifestOrIndex>(
      bytes, "image manifest", kMaxDocumentBytes,
      [&](const Json& object) { return DecodeManifestOrIndex(object, announced); });
}

Result<Manifest> ParseManifest(std::string_view bytes, std::string_view content_type) {
  TRY(ManifestOrIndex document, ParseManifestOrIndex(bytes, content_type));
  if (auto* manifest = std::get_if<Manifest>(&document)) return std::move(*manifest);
  return Fail(ErrorKind::kCorrupt, "image manifest: an index where a manifest was expected");
}

Result<Descriptor> SelectPlatform(const Index& index, const Platform& wanted) {
  constexpr int kUnknownRank = 1000;  // an entry that does not say is the last resort
  const Descriptor* best = nullptr;
  int best_rank = kUnknownRank + 1;
  std::string available;
  for (const Descriptor& entry : index.manifests) {
    // BuildKit stores attestations as manifests of the platform unknown/unknown.
    if (entry.platform && entry.platform->os == "unknown") continue;
    auto rank = entry.platform ? MatchRank(wanted, *entry.platform) : std::optional(kUnknownRank);
    if (rank && *rank < best_rank) {
      best = &entry;
      best_rank = *rank;
    }
    if (!entry.platform || available.size() > 512) continue;
    if (!available.empty()) available += ", ";
    available += entry.platform->ToString();
  }
  if (best != nullptr) return *best;
  Error error = MakeError(ErrorKind::kNotFound,
                          fmt::format("the image does not exist for {}", wanted.ToString()));
  if (!available.empty()) error.hint = "it exists for " + available + "; choose with --platform";
  return Fail(std::move(error));
}

}  // namespace hoy::oci
