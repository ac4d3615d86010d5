#pragma once
// The XML documents of S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/), read with suspicion.
// Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/s3/tree.h"

namespace hoy::oci {

struct ListPage {
  std::vector<S3Object> objects;
  std::string next;  // continuation token; empty: this is the last page
};
// Of ListObjectsV2. Keys are decoded where the answer says that they are encoded (EncodingType).
// kCorrupt: it is no such document, has another number of keys than it says, or says that there is
// more and not where.
Result<ListPage> ParseListPage(std::string_view xml);

struct S3Refusal {
  std::string code;  // "NoSuchBucket"
  std::string message;
  std::string region;  // where the bucket is, when that is what is wrong
};
std::optional<S3Refusal> ParseRefusal(std::string_view xml);

Result<std::string> ParseUploadId(std::string_view xml);
// Also after the status 200 it may be a refusal: then kNetwork of stage "server".
Result<std::string> ParseCompleted(std::string_view xml);  // the object's ETag
std::string CompleteRequest(const std::vector<std::string>& etags);

// Percent-encoding as a signature wants it: all but A-Z a-z 0-9 - . _ ~.
std::string UriEncode(std::string_view text, bool keep_slashes = false);
std::optional<std::string> UriDecode(std::string_view text);  // '+' is a space

}  // namespace hoy::oci
