#pragma once
// s3fs(1) for the buckets of mode=fuse. It mounts in a mount namespace of its own, from where the
// mount is taken away at once: whoever has its descriptors has all there is of it, and s3fs ends
// with the last of them. Its keys are in its environment, which root alone can read.

#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/s3/sync.h"

namespace hoy::cli {

// "-o NAME[=VALUE]", without "-o". Pure. kInvalidArgument: a value with a comma in it.
Result<std::vector<std::string>> S3fsOptions(const oci::S3SyncRequest& request);

// Changes the mount namespace of this process. Several mounts are of one s3fs. kNotFound: it is not
// installed; kUnsupported: this kernel has no FUSE, or nobody may use it here.
Result<std::vector<Fd>> MountWithS3fs(Context& context, const std::string& volume, size_t count);

}  // namespace hoy::cli
