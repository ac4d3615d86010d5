#pragma once
// Who asks S3 for what, and where: the volume's own options and keys, then AWS_* variables, then
// the files of ~/.aws, as the AWS tools have them
// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/s3_volume.h"

namespace hoy::oci {

struct S3Access {
  std::string key_id;  // empty: requests are not signed
  std::string secret;
  std::string token;  // of temporary keys
  std::string region;
  std::string endpoint;  // empty: AWS
  std::string base;      // URL of the bucket, without a slash at its end
};

using Variables = std::function<std::string(const char* name)>;  // "": not set
// The variables that matter.
extern const std::vector<const char*> kS3Variables;

// kNotFound: a profile that was named is nowhere; kCorrupt: keys in part.
Result<S3Access> FindS3Access(const core::S3Options& options, const core::StringPairs& secrets,
                              const Variables& variables);

// "[section]", "name = value", '#' and ';'. Pure.
std::map<std::string, std::map<std::string, std::string>> ParseAwsFile(std::string_view text);

}  // namespace hoy::oci
