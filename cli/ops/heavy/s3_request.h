#pragma once
// What is known of a volume's bucket and of who may use it: its options, its own keys, and the
// variables of whoever starts a container with it, which are kept for when that is over.

#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/s3/sync.h"

namespace hoy::cli {

// For the sync when the container has ended, which nobody's environment reaches.
Result<> RememberVariables(const core::Layout& layout, const std::string& volume);

// Who starts a container again by its restart policy has none, nor has who writes back at its end.
bool HasEnvironment();

// What the volume's requests find set, until this ends: the next volume's may be other keys.
class RecalledVariables {
 public:
  RecalledVariables() = default;
  RecalledVariables(const RecalledVariables&) = delete;
  RecalledVariables& operator=(const RecalledVariables&) = delete;
  ~RecalledVariables();

  // What is not set here; of keys all or none.
  Result<> Recall(const core::Layout& layout, const std::string& volume);

 private:
  std::vector<std::string> set_;
};

// Retries are told of in the context.
Result<oci::S3SyncRequest> MakeS3Request(Context& context, const std::string& volume);

}  // namespace hoy::cli
