#pragma once
// Syncs of S3 volumes, as verbs see them. The work is in hoy-image (see pull.h); the light program
// starts one before and after a container (s3_volumes.h).

#include <string>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

enum class SyncWay {
  kWriteBack,
  kFetch,      // and remembers who asked, for the end of the container
  kFetchOnce,  // the same in one try, which ends at a few silent seconds; nothing where somebody
               // syncs it just now
};

// One volume. Warnings go to stderr. kUnsupported: it is no S3 volume.
Result<> RunVolumeSync(Context& context, const std::string& volume, SyncWay way);

}  // namespace hoy::cli
