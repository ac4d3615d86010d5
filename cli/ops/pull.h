#pragma once
// Pulling, as verbs see it. The work is in hoy-image, the heavy program: there RunPull does it; in
// the light program the verb `pull` becomes hoy-image before it is parsed, and `run` of a missing
// image starts one (spawn_pull.h).

#include <string>
#include <vector>

#include "cli/ops/pull_options.h"
#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// Pulls with progress on stderr. Returns the canonical reference; for an archive (transport.h)
// those of all its images, or the ids of such as have no name. In the light program, where it
// cannot be reached, it is kUnsupported.
Result<std::vector<std::string>> RunPull(Context& context, const PullOptions& options,
                                         ProgressMode progress);

}  // namespace hoy::cli
