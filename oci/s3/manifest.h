#pragma once
// DATA/volumes/<name>/s3/manifest.json: S3Manifest as a record. Losing it loses nothing: what is on
// both sides is compared then.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "oci/s3/plan.h"

namespace hoy::oci {

std::string EncodeS3Manifest(const S3Manifest& manifest);
Result<S3Manifest> DecodeS3Manifest(std::string_view text);

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
