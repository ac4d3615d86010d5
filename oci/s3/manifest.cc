#include "oci/s3/manifest.h"

#include "oci/image/codec.h"

namespace hoy::oci {
namespace {

constexpr int kVersion = 1;
constexpr size_t kLargest = size_t{1} << 30;

Json EncodeEntry(const LocalEntry& entry) {
  return Json::array({static_cast<int>(entry.kind), entry.size, entry.mtime_ns, entry.mode,
                      entry.uid, entry.gid, entry.ctime_ns});
}

LocalEntry DecodeEntry(const Json& json) {
  LocalEntry entry;
  int kind = json.at(0).get<int>();
  if (kind < 0 || kind > static_cast<int>(S3Kind::kSymlink)) throw MalformedJson{"unknown kind"};
  entry.kind = static_cast<S3Kind>(kind);
  entry.size = json.at(1).get<uint64_t>();
  entry.mtime_ns = json.at(2).get<int64_t>();
  entry.mode = json.at(3).get<uint32_t>();
  entry.uid = json.at(4).get<uint32_t>();
  entry.gid = json.at(5).get<uint32_t>();
  if (json.size() > 6) entry.ctime_ns = json.at(6).get<int64_t>();
  return entry;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string EncodeS3Manifest(const S3Sides& sides, const S3Manifest& manifest) {
  Json entries = Json::object();
  for (const auto& [path, entry] : manifest) {
    entries[path] = Json::array({EncodeEntry(entry.local), entry.etag, entry.modified});
  }
  return Dump({{"version", kVersion},
               {"there", sides.there},
               {"inode", sides.here.inode},
               {"born", sides.here.born_ns},
               {"entries", std::move(entries)}});
}

Result<S3ManifestRecord> DecodeS3Manifest(std::string_view text) {
  return DecodeJson<S3ManifestRecord>(
      text, "manifest.json", kLargest, [](const Json& json) -> Result<S3ManifestRecord> {
        if (json.at("version").get<int>() != kVersion) {
          throw MalformedJson{"written by another version"};
        }
        S3ManifestRecord record;
        record.sides.there = json.at("there").get<std::string>();
        record.sides.here.inode = json.at("inode").get<uint64_t>();
        record.sides.here.born_ns = json.at("born").get<int64_t>();
        for (const auto& [path, entry] : json.at("entries").items()) {
          record.entries[path] = {DecodeEntry(entry.at(0)), entry.at(1).get<std::string>(),
                                  entry.at(2).get<std::string>()};
        }
        return record;
      });
}

std::string EncodeS3Upload(const S3Upload& upload) {
  return Dump({{"path", upload.path},
               {"local", EncodeEntry(upload.local)},
               {"id", upload.id},
               {"partSize", upload.part_size},
               {"etags", upload.etags}});
}

Result<S3Upload> DecodeS3Upload(std::string_view text) {
  return DecodeJson<S3Upload>(text, "upload", kLargest, [](const Json& json) -> Result<S3Upload> {
    S3Upload upload;
    upload.path = json.at("path").get<std::string>();
    upload.local = DecodeEntry(json.at("local"));
    upload.id = json.at("id").get<std::string>();
    upload.part_size = json.at("partSize").get<uint64_t>();
    upload.etags = json.at("etags").get<std::vector<std::string>>();
    return upload;
  });
}

}  // namespace hoy::oci
