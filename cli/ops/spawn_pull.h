#pragma once
// hoy-image as a child, for verbs of the light program that need an image first.

#include <string>
#include <vector>

#include "cli/ops/pull_options.h"
#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// Runs `hoy-image pull` with the context's global flags and waits. Its progress goes to our stderr,
// what it prints comes back: a name for each image. Its error comes back as it was there, not
// printed yet. SIGINT, SIGQUIT, SIGTERM and SIGHUP reach the child, which cleans up: kCancelled.
Result<std::vector<std::string>> SpawnPull(const Context& context, const PullOptions& options,
                                           ProgressMode progress);

}  // namespace hoy::cli
