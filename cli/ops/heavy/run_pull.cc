#include <cstdio>

#include "cli/ops/heavy/open_source.h"
#include "cli/ops/heavy/pull.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/pull.h"

namespace hoy::cli {
namespace {

// What is no image, as the signatures that lie beside images under tags of their own, is left out.
Result<std::vector<std::string>> PullAllTags(Context& context, const PullOptions& options,
                                             oci::ProgressSink& sink) {
  TRY_CONTEXT_SET(auto images, TagsToPull(options), "pull '{}'", options.reference);
  std::vector<std::string> names;
  for (const oci::Reference& tagged : images) {
    PullOptions one = options;
    one.reference = tagged.ToString();
    auto image = Pull(context.layout, one, sink);
    if (image) {
      names.push_back(image->canonical);
    } else if (image.error().kind == ErrorKind::kUnsupported) {
      context.Warn(fmt::format("{}; it is left out", image.error().message));
    } else {
      return Fail(std::move(image).error());
    }
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> RunPull(Context& context, const PullOptions& options,
                                         ProgressMode progress) {
  TRY_CONTEXT(CheckTransport(options.reference), "pull");
  auto sink =
      MakePullProgress(stderr, {.mode = progress, .color = context.ColorOnStderr(), .columns = 0});
  auto transport = ParseTransport(options.reference);
  if (transport && options.all_tags) {
    return Fail(ErrorKind::kInvalidArgument, "--all-tags is for repositories; '{}' has all of it",
                options.reference);
  }
  if (transport) {
    TRY_CONTEXT_SET(auto names, PullFromTransport(context.layout, *transport, options, *sink),
                    "pull '{}'", options.reference);
    return names;
  }
  if (options.all_tags) return PullAllTags(context, options, *sink);
  TRY(PulledImage image, Pull(context.layout, options, *sink));
  return std::vector{image.canonical};
}

}  // namespace hoy::cli
