#include <cstdio>

#include "cli/ops/heavy/open_source.h"
#include "cli/ops/heavy/pull.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/pull.h"

namespace hoy::cli {

Result<std::vector<std::string>> RunPull(Context& context, const PullOptions& options,
                                         ProgressMode progress) {
  TRY_CONTEXT(CheckTransport(options.reference), "pull");
  auto sink =
      MakePullProgress(stderr, {.mode = progress, .color = context.ColorOnStderr(), .columns = 0});
  if (auto transport = ParseTransport(options.reference)) {
    TRY_CONTEXT_SET(auto names, PullFromTransport(context.layout, *transport, options, *sink),
                    "pull '{}'", options.reference);
    return names;
  }
  TRY(PulledImage image, Pull(context.layout, options, *sink));
  return std::vector{image.canonical};
}

}  // namespace hoy::cli
