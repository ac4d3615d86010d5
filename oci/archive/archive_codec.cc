#include "oci/archive/archive_codec.h"

#include "oci/image/codec.h"

namespace hoy::oci {
namespace {

std::vector<DockerArchiveEntry> DecodeEntries(const Json& list) {
  if (!list.is_array()) throw MalformedJson{"it is not an array"};
  if (list.empty()) throw MalformedJson{"it lists no image"};
  if (list.size() > kMaxArchiveImages) {
    throw MalformedJson{fmt::format("it lists more than {} images", kMaxArchiveImages)};
  }
  std::vector<DockerArchiveEntry> entries;
  for (const Json& item : list) {
    if (!item.is_object()) throw MalformedJson{"an entry is not an object"};
    DockerArchiveEntry entry{.config = StringAt(item, "Config"),
                             .names = StringsAt(item, "RepoTags"),
                             .layers = StringsAt(item, "Layers")};
    if (entry.config.empty()) throw MalformedJson{"'Config' is missing"};
    if (entry.layers.size() > kMaxLayers) {
      throw MalformedJson{fmt::format("an image has more than {} layers", kMaxLayers)};
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<std::vector<DockerArchiveEntry>> ParseDockerArchiveManifest(std::string_view bytes) {
  constexpr std::string_view kWhat = "manifest.json";
  try {
    return DecodeEntries(ParseBoundedJson(bytes, kMaxDocumentBytes));
  } catch (const MalformedJson& malformed) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", kWhat, malformed.reason);
  } catch (const Json::exception& exception) {
    return Fail(ErrorKind::kCorrupt, "{}: {}", kWhat, ReasonOf(exception));
  }
}

std::string EncodeDockerArchiveManifest(const std::vector<DockerArchiveEntry>& entries) {
  Json list = Json::array();
  for (const DockerArchiveEntry& entry : entries) {
    list.push_back({{"Config", entry.config},
                    {"RepoTags", entry.names.empty() ? Json() : Json(entry.names)},
                    {"Layers", entry.layers}});
  }
  return list.dump();
}

Result<> CheckOciLayoutFile(std::string_view bytes) {
  return DecodeJson<void>(bytes, "oci-layout", kMaxDocumentBytes, [](const Json& object) {
    std::string version = StringAt(object, "imageLayoutVersion");
    if (version.starts_with("1.")) return Result<>{};
    return Result<>(Fail(ErrorKind::kUnsupported, "an OCI image layout of version '{}'",
                         std::string_view(version).substr(0, 64)));
  });
}

Result<Index> ParseLayoutIndex(std::string_view bytes) {
  TRY_CONTEXT_SET(ManifestOrIndex document, ParseManifestOrIndex(bytes, media_type::kOciIndex),
                  "index.json");
  if (auto* index = std::get_if<Index>(&document)) return std::move(*index);
  return Fail(ErrorKind::kCorrupt, "index.json: it is not an index");
}

}  // namespace hoy::oci
