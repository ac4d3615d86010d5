#include "oci/image/index_edit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hoy::oci {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> Parse(std::string_view index) {
  TRY(ManifestOrIndex parsed, ParseManifestOrIndex(index, {}));  // bounded depth, right shape
  if (!std::holds_alternative<Index>(parsed)) {
    return Fail(ErrorKind::kCorrupt, "it is not an index, but a manifest");
  }
  return Json::parse(index, nullptr, /*allow_exceptions=*/false);
}

// nullptr: there is none.
Json* Find(Json& document, const Digest& digest) {
  for (Json& entry : document["manifests"]) {
    if (entry["digest"] == digest.ToString()) return &entry;
  }
  return nullptr;
}

std::unexpected<Error> NoEntry(const Digest& digest) {
  return Fail(ErrorKind::kNotFound, "the list has no entry {}", digest.ToString());
}

void Put(Json& document, const Digest& digest, Json entry) {
  if (Json* same = Find(document, digest)) {
    *same = std::move(entry);
  } else {
    document["manifests"].push_back(std::move(entry));
  }
}

void Annotate(Json& object, const std::map<std::string, std::string>& annotations) {
  for (const auto& [key, value] : annotations) object["annotations"][key] = value;
}

}  // namespace

std::string EmptyIndex() {
  Json document = {
      {"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", Json::array()}};
  return document.dump();
}

Result<std::string> AddEntry(std::string_view index, const Descriptor& entry) {
  TRY(Json document, Parse(index));
  Json object = {
      {"mediaType", entry.media_type}, {"digest", entry.digest.ToString()}, {"size", entry.size}};
  if (entry.platform) {
    Json& platform = object["platform"] = {{"architecture", entry.platform->architecture},
                                           {"os", entry.platform->os}};
    if (!entry.platform->variant.empty()) platform["variant"] = entry.platform->variant;
  }
  Annotate(object, entry.annotations);
  Put(document, entry.digest, std::move(object));
  return document.dump();
}

Result<std::string> CopyEntry(std::string_view index, std::string_view from, const Digest& digest) {
  TRY(Json document, Parse(index));
  TRY(Json other, Parse(from));
  Json* entry = Find(other, digest);
  if (entry == nullptr) return NoEntry(digest);
  Put(document, digest, *entry);
  return document.dump();
}

Result<std::string> RemoveEntry(std::string_view index, const Digest& digest) {
  TRY(Json document, Parse(index));
  Json& list = document["manifests"];
  Json kept = Json::array();
  for (Json& entry : list) {
    if (entry["digest"] != digest.ToString()) kept.push_back(std::move(entry));
  }
  if (kept.size() == list.size()) return NoEntry(digest);
  list = std::move(kept);
  return document.dump();
}

Result<std::string> EditEntry(std::string_view index, const Digest& digest, const EntryEdit& edit) {
  TRY(Json document, Parse(index));
  Json* entry = Find(document, digest);
  if (entry == nullptr) return NoEntry(digest);
  auto set = [&](const char* key, const std::optional<std::string>& value) {
    if (value) (*entry)["platform"][key] = *value;
  };
  set("architecture", edit.architecture);
  set("os", edit.os);
  set("os.version", edit.os_version);
  if (!edit.os_features.empty()) (*entry)["platform"]["os.features"] = edit.os_features;
  set("variant", edit.variant);
  if (!edit.features.empty()) (*entry)["platform"]["features"] = edit.features;
  Annotate(*entry, edit.annotations);
  return document.dump();
}

Result<std::string> AnnotateIndex(std::string_view index,
                                  const std::map<std::string, std::string>& annotations) {
  TRY(Json document, Parse(index));
  Annotate(document, annotations);
  return document.dump();
}

Result<std::string> ReplaceEntry(std::string_view index, const Digest& digest,
                                 const Descriptor& entry) {
  TRY(Json document, Parse(index));
  Json* old = Find(document, digest);
  if (old == nullptr) return NoEntry(digest);
  (*old)["mediaType"] = entry.media_type;
  (*old)["digest"] = entry.digest.ToString();
  (*old)["size"] = entry.size;
  return document.dump();
}

Result<EditedManifest> ConvertIndex(std::string_view index, ManifestFormat format) {
  TRY(Json document, Parse(index));
  bool docker = format == ManifestFormat::kDocker;
  std::string type(docker ? media_type::kDockerIndex : media_type::kOciIndex);
  document["mediaType"] = type;
  if (docker) {
    document.erase("annotations");
    for (Json& entry : document["manifests"]) entry.erase("annotations");
  }
  return EditedManifest{.bytes = document.dump(), .media_type = std::move(type)};
}

}  // namespace hoy::oci
