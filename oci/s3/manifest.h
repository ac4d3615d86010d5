#pragma once
// DATA/volumes/<name>/s3/manifest.json: S3Manifest as a record, and of which two sides it is. Of
// others it says nothing: then what is on both sides is compared, as if there were none.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/s3/local_copy.h"
#include "oci/s3/plan.h"

namespace hoy::oci {

//
// placing.json beside it is of the same form: what a fetch is about to put into its place, as it
// will be there. It goes when the manifest has it.

struct S3Sides {
  std::string there;  // URL of the bucket and the prefix
  LocalCopy::Identity here;

  bool operator==(const S3Sides&) const = default;
};
struct S3ManifestRecord {
  S3Sides sides;
  S3Manifest entries;
};
std::string EncodeS3Manifest(const S3Sides& sides, const S3Manifest& manifest);
Result<S3ManifestRecord> DecodeS3Manifest(std::string_view text);

// A large file that is on its way there in parts (s3/uploads/<hash>).
struct S3Upload {
  std::string path;
  LocalEntry local;  // as it was when it began: another one begins again
  std::string id;
  uint64_t part_size = 0;
  std::vector<std::string> etags;  // of the parts that have arrived

  bool operator==(const S3Upload&) const = default;
};
std::string EncodeS3Upload(const S3Upload& upload);
Result<S3Upload> DecodeS3Upload(std::string_view text);

}  // namespace hoy::oci
