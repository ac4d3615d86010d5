#pragma once
// The image of a new container: from the store, or pulled by hoy-image first.

#include "cli/ops/run_options.h"
#include "cli/ui/context.h"
#include "core/base/result.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// --pull always, missing, never, newer. Progress of a pull goes to stderr.
Result<oci::ResolvedImage> FindImage(Context& context, const RunOptions& options);

}  // namespace hoy::cli
