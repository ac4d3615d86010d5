#pragma once
// A volume whose files are kept in a bucket: options type=s3, o=bucket=...,prefix=... Its _data is
// the local copy (with mode=fuse there is none, and s3fs mounts the bucket for each container:
// engine/made_mounts.h); what belongs to that lies beside it, for root alone:
//
//   DATA/volumes/<name>/s3/
//     lock           flock: who syncs it
//     pending        a container may have changed the copy since it was last written back; in it is
//                    a random word of whoever said so last
//     manifest.json  what both sides were like when they were last the same (oci/s3/manifest.h)
//     status.json    how the last sync ended
//     credentials    keys that were given for this volume, 0600; else those of whoever starts it
//     temp/          files that have not arrived whole; with mode=fuse what s3fs has not sent yet
//     s3fs.log       with mode=fuse: what the s3fs that was started last has to say
//   RUN/s3/<name>    0600: the variables of who started it, for the sync when it has ended
//
// A start makes `pending` anew under the volume's lock. The sync that found no container on the
// volume before it looked at the files takes it away, if it is the same one still; until then the
// volume is not removed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"

namespace hoy::core {

struct S3Options {
  std::string bucket;
  std::string prefix;            // "" or "a/b/": ends with a slash, begins with none
  std::string endpoint;          // "http://127.0.0.1:9000"; empty: AWS
  std::string region;            // empty: AWS_REGION and the like
  std::string profile;           // of ~/.aws; empty: AWS_PROFILE, else "default"
  bool fuse = false;             // s3fs mounts it; else its _data is a copy that is synced
  int64_t sync_interval_ns = 0;  // written back so often while a container runs, too; 0: never

  // "s3://bucket/prefix"
  std::string Url() const;
};

bool IsS3Volume(const StringPairs& options);

// How often a copy is written back: "1m30s", at least 1s, or 0 for never. `flag` is for the error.
Result<int64_t> ParseSyncInterval(std::string_view flag, std::string_view text);

// Of the options of a volume. Pure. kInvalidArgument names the word that is wrong or missing.
Result<S3Options> ParseS3Options(const StringPairs& options);
// The same from words "key=value", in which keys may be given, too: they are taken out of the words
// into `secrets`. What is left is in the form that a volume's record has, in
// whatever order it came.
Result<StringPairs> TakeS3Words(std::string_view words, StringPairs& secrets);

// Whether two volumes have their files in one place, reached in one way: how often they are written
// back does not matter.
bool HaveSameFiles(const StringPairs& options, const StringPairs& others);

// For messages: of words among which keys may be, only what cannot be one; "***" for the rest.
std::string WithoutS3Secrets(std::string_view words);

// What the volume is called when nobody gives it a name: the same for the same place.
std::string S3VolumeName(const S3Options& options);

std::string S3Directory(const Layout& layout, std::string_view volume);
std::string S3PendingPath(const Layout& layout, std::string_view volume);
std::string S3StatusPath(const Layout& layout, std::string_view volume);
std::string S3CredentialsPath(const Layout& layout, std::string_view volume);
std::string S3EnvironmentPath(const Layout& layout, std::string_view volume);

// How the last sync ended, for `volume inspect`.
struct S3Status {
  Timestamp time = 0;
  std::string way;    // "fetch" or "write-back"
  std::string error;  // empty: it did all it was to do
  std::vector<std::string> warnings;

  bool operator==(const S3Status&) const = default;
};
Result<> WriteS3Status(const Layout& layout, std::string_view volume, const S3Status& status);
std::optional<S3Status> ReadS3Status(const Layout& layout, std::string_view volume);

// Somebody is about to change it; the volume's lock is held.
Result<> MarkS3Pending(const Layout& layout, std::string_view volume);
// Who said so last; nullopt: there is nothing to write back.
Result<std::optional<std::string>> ReadS3Pending(const Layout& layout, std::string_view volume);

// The keys for one volume, as "name=value" lines.
Result<> WriteS3Secrets(const Layout& layout, std::string_view volume, const StringPairs& secrets);
Result<StringPairs> ReadS3Secrets(const std::string& path);  // a missing file: none

}  // namespace hoy::core
