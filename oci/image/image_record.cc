#include "oci/image/image_record.h"

#include <optional>

#include "core/base/text.h"
#include "oci/image/codec.h"
#include "oci/image/plain_record.h"

namespace hoy::oci {
namespace {

constexpr int kRecordVersion = 1;
constexpr size_t kMaxRecordBytes = 16 << 20;  // a config at its limit, and more
constexpr size_t kMaxFileName = 240;          // NAME_MAX is 255; WriteFileAtomically needs no more

Json Texts(const std::vector<Digest>& digests) {
  Json list = Json::array();
  for (const Digest& digest : digests) list.push_back(digest.ToString());
  return list;
}

std::string TextOf(const Digest& digest) {
  return digest.empty() ? std::string() : digest.ToString();
}

Digest DigestOrNone(const Json& object, const char* key) {
  return StringAt(object, key).empty() ? Digest() : DigestAt(object, key);
}

void CheckVersion(const Json& object) {
  int64_t version = IntegerAt(object, "version");
  if (version != kRecordVersion) {
    throw MalformedJson{fmt::format("version {} is not known", version)};
  }
}

// FNV-1a, 64 bits: only has to tell apart the few names that are too long for a file name.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 14695981039346656037U;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

// What EncodeRefRecord writes for any name without an escape, taken apart without the parser: lists
// read one of these for each name. nullopt: another shape, which is for the parser.
std::optional<RefRecord> DecodePlainRef(std::string_view bytes) {
  constexpr size_t kDigestLength = 64;
  auto take = [&](std::string_view text) {
    if (!bytes.starts_with(text)) return false;
    bytes.remove_prefix(text.size());
    return true;
  };
  auto take_digest = [&](Digest& digest) {
    std::string_view hex = bytes.substr(0, kDigestLength);
    if (hex.size() != kDigestLength || !IsHex(hex)) return false;
    digest = Digest::FromHex(hex);
    bytes.remove_prefix(kDigestLength);
    return true;
  };
  RefRecord record;
  if (!take(R"({"image":"sha256:)") || !take_digest(record.image)) return std::nullopt;
  if (!take(R"(","reference":")")) return std::nullopt;
  std::string_view name = bytes.substr(0, bytes.find('"'));
  if (name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos)
    return std::nullopt;
  bytes.remove_prefix(name.size());
  if (!take(R"(","target":"sha256:)") || !take_digest(record.target)) return std::nullopt;
  if (bytes != "\",\"version\":1}\n") return std::nullopt;
  record.reference = name;
  return record;
}

}  // namespace

std::string EncodeImageRecord(const ImageRecord& record) {
  Json object = {{"version", kRecordVersion},
                 {"id", record.id.ToString()},
                 {"manifest", record.manifest.ToString()},
                 {"os", record.platform.os},
                 {"architecture", record.platform.architecture},
                 {"variant", record.platform.variant},
                 {"created", record.created},
                 {"pulled", record.pulled},
                 {"size", record.size},
                 {"chain_ids", Texts(record.chain_ids)},
                 {"diff_ids", Texts(record.diff_ids)},
                 {"repo_digests", record.repo_digests},
                 {"blobs", Texts(record.blobs)},
                 {"author", record.author},
                 {"config", EncodeRunConfig(record.config)}};
  return object.dump() + "\n";
}

Result<ImageRecord> DecodeImageRecord(std::string_view bytes) {
  if (auto record = DecodePlainRecord(bytes)) return *std::move(record);
  return DecodeJson<ImageRecord>(bytes, "image record", kMaxRecordBytes, [](const Json& object) {
    CheckVersion(object);
    ImageRecord record;
    record.id = DigestAt(object, "id");
    record.manifest = DigestAt(object, "manifest");
    record.platform = {.os = StringAt(object, "os"),
                       .architecture = StringAt(object, "architecture"),
                       .variant = StringAt(object, "variant")};
    record.created = object.at("created").get<core::Timestamp>();
    record.pulled = object.at("pulled").get<core::Timestamp>();
    record.size = IntegerAt(object, "size");
    record.chain_ids = DigestsAt(object, "chain_ids");
    record.diff_ids = DigestsAt(object, "diff_ids");
    record.repo_digests = StringsAt(object, "repo_digests");
    record.blobs = DigestsAt(object, "blobs");
    record.author = StringAt(object, "author");
    const Json* config = FindMember(object, "config");
    if (config == nullptr || !config->is_object()) throw MalformedJson{"'config' is missing"};
    record.config = DecodeRunConfig(*config);
    return Result<ImageRecord>(std::move(record));
  });
}

std::string EncodeRefRecord(const RefRecord& record) {
  Json object = {{"version", kRecordVersion},
                 {"reference", record.reference},
                 {"target", record.target.ToString()},
                 {"image", TextOf(record.image)}};
  if (record.is_list) {
    Json& list = object["list"] = Json::array();
    for (const ListMember& member : record.members) {
      list.push_back({{"manifest", member.manifest.ToString()}, {"image", TextOf(member.image)}});
      if (!member.origin.empty()) list.back()["origin"] = member.origin;
      if (!member.blobs.empty()) list.back()["blobs"] = Texts(member.blobs);
    }
  }
  return object.dump() + "\n";
}

Result<RefRecord> DecodeRefRecord(std::string_view bytes) {
  if (auto record = DecodePlainRef(bytes)) return *std::move(record);
  return DecodeJson<RefRecord>(bytes, "image name", kMaxRecordBytes, [](const Json& object) {
    CheckVersion(object);
    RefRecord record{.reference = StringAt(object, "reference"),
                     .target = DigestAt(object, "target"),
                     .image = Digest(),
                     .is_list = object.contains("list"),
                     .members = {}};
    if (!record.is_list) {
      record.image = DigestAt(object, "image");
      return Result<RefRecord>(std::move(record));
    }
    record.image = DigestOrNone(object, "image");
    const Json& list = object.at("list");
    if (!list.is_array()) throw MalformedJson{"'list' is not an array"};
    for (const Json& item : list) {
      if (!item.is_object()) throw MalformedJson{"an entry of 'list' is not an object"};
      record.members.push_back({.manifest = DigestAt(item, "manifest"),
                                .image = DigestOrNone(item, "image"),
                                .origin = StringAt(item, "origin"),
                                .blobs = DigestsAt(item, "blobs")});
    }
    return Result<RefRecord>(std::move(record));
  });
}

std::string EscapeReference(const Reference& reference) {
  std::string name = reference.ToString();
  std::string escaped = name;
  for (char& c : escaped) {
    if (c == '/') c = '+';  // "+" is in no part of the grammar
  }
  if (escaped.size() <= kMaxFileName) return escaped;
  return fmt::format("{}+{:016x}", escaped.substr(0, kMaxFileName - 17), HashOf(name));
}

}  // namespace hoy::oci
