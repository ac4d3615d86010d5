#include "cli/ops/find_image.h"

#include "cli/ops/spawn_pull.h"
#include "cli/ops/transport.h"

namespace hoy::cli {
namespace {

bool WantsOtherPlatform(const oci::ImageRecord& record, const std::string& wanted) {
  if (wanted.empty()) return false;
  auto platform = oci::ParsePlatform(wanted, oci::HostPlatform());
  return platform && !oci::MatchRank(*platform, record.platform);
}

// An image in an archive or a directory: it is read each time, which costs little when its layers
// are here.
Result<oci::ResolvedImage> FromTransport(Context& context, const oci::ImageStore& store,
                                         const RunOptions& options) {
  PullOptions pull{.reference = options.image,
                   .platform = options.platform,
                   .signature_policy = options.signature_policy};
  TRY(std::vector<std::string> names, SpawnPull(context, pull, ProgressMode::kNone));
  if (names.size() == 1) return store.Resolve(names.front());
  if (names.empty()) return Fail(ErrorKind::kNotFound, "'{}' holds no image", options.image);
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("'{}' holds several images", options.image))
                  .WithHint(fmt::format("choose one: '{}:{}'", options.image, names.front())));
}

}  // namespace

Result<oci::ResolvedImage> FindImage(Context& context, const RunOptions& options) {
  oci::ImageStore store(context.layout);
  if (ParseTransport(options.image)) return FromTransport(context, store, options);
  std::string name(WithoutDockerTransport(options.image));
  bool pull_first = options.pull == "always" || options.pull == "newer";
  if (!pull_first) {
    auto image = store.Resolve(name);
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
  pull.reference = name;
  pull.platform = options.platform;
  pull.signature_policy = options.signature_policy;
  if (!options.tls_verify) pull.tls_verify = false;
  auto pulled = SpawnPull(context, pull, options.quiet ? ProgressMode::kNone : ProgressMode::kAuto);
  if (!pulled) {
    // Without the registry, "newer" is content with what is here; but not against the policy.
    const ErrorKind kind = pulled.error().kind;
    bool may_use_old =
        options.pull == "newer" && kind != ErrorKind::kCancelled && kind != ErrorKind::kPermission;
    if (!may_use_old) return Fail(std::move(pulled).error());
    auto image = store.Resolve(name);
    if (!image) return Fail(std::move(pulled).error());
    return image;
  }
  return store.Resolve(name);
}

}  // namespace hoy::cli
