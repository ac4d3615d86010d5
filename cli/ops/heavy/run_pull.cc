#include <cstdio>

#include "cli/ops/heavy/pull.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/pull.h"

namespace hoy::cli {

Result<std::string> RunPull(Context& context, const PullOptions& options, ProgressMode progress) {
  auto sink =
      MakePullProgress(stderr, {.mode = progress, .color = context.ColorOnStderr(), .columns = 0});
  TRY(PulledImage image, Pull(context.layout, options, *sink));
  return image.canonical;
}

}  // namespace hoy::cli
