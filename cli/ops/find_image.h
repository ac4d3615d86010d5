#pragma once
// The image of a new container: from the store, or pulled by hoy-image first.

#include <string>

#include "cli/ops/run_options.h"
#include "cli/ui/context.h"
#include "core/base/result.h"
#include "oci/image/image_store.h"

namespace hoy::cli {

// --platform, else DOCKER_DEFAULT_PLATFORM (`preset`), else empty: this machine's.
// kInvalidArgument for what names none.
Result<std::string> WantedPlatform(const std::string& flag, const std::string& preset);

// --pull always, missing, never, newer. Progress of a pull goes to stderr.
Result<oci::ResolvedImage> FindImage(Context& context, const RunOptions& options);

}  // namespace hoy::cli
