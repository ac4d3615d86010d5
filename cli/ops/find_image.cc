#include "cli/ops/find_image.h"

#include "cli/ops/spawn_pull.h"

namespace hoy::cli {
namespace {

bool WantsOtherPlatform(const oci::ImageRecord& record, const std::string& wanted) {
  if (wanted.empty()) return false;
  auto platform = oci::ParsePlatform(wanted, oci::HostPlatform());
  return platform && !oci::MatchRank(*platform, record.platform);
}

}  // namespace

Result<oci::ResolvedImage> FindImage(Context& context, const RunOptions& options) {
  oci::ImageStore store(context.layout);
  bool pull_first = options.pull == "always" || options.pull == "newer";
  if (!pull_first) {
    auto image = store.Resolve(options.image);
    bool wrong_platform = image && WantsOtherPlatform(image->record, options.platform);
    if (image && !wrong_platform) return image;
    if (!image && image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
    if (options.pull == "never") {
      if (!image)
        return Fail(std::move(image).error().WithHint(fmt::format("hoy pull {}", options.image)));
      return Fail(ErrorKind::kNotFound, "image '{}' is here for another platform than {}",
                  options.image, options.platform);
    }
  }
  PullOptions pull;
  pull.reference = options.image;
  pull.platform = options.platform;
  if (!options.tls_verify) pull.tls_verify = false;
  auto pulled = SpawnPull(context, pull, options.quiet ? ProgressMode::kNone : ProgressMode::kAuto);
  if (!pulled) {
    // Without the registry, "newer" is content with what is here.
    bool may_use_old = options.pull == "newer" && pulled.error().kind != ErrorKind::kCancelled;
    if (!may_use_old) return Fail(std::move(pulled).error());
    auto image = store.Resolve(options.image);
    if (!image) return Fail(std::move(pulled).error());
    return image;
  }
  return store.Resolve(options.image);
}

}  // namespace hoy::cli
