#pragma once
// `hoy pull`, without its words: options in, image out.

#include <string>
#include <vector>

#include "cli/ops/pull_options.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/registry/progress.h"

namespace hoy::cli {

using PulledImage = oci::PullSummary;

// Prepares the layout, pulls, and tells `sink` how it goes. While it runs, SIGINT and SIGTERM end
// it with kCancelled (unless options.handle_signals is off); a second one kills. kInvalidArgument:
// the reference or the platform; the rest as oci::PullImage.
Result<PulledImage> Pull(const core::Layout& layout, const PullOptions& options,
                         oci::ProgressSink& sink);

// Of --platform, several times.
Result<std::vector<oci::Platform>> ParsePlatforms(const std::vector<std::string>& texts);

// All tags of the repository that `options.reference` names, as names. kInvalidArgument: it names
// one image.
Result<std::vector<oci::Reference>> TagsToPull(const PullOptions& options);

}  // namespace hoy::cli
