#include "cli/ops/find_image.h"

#include <cstdlib>

#include "cli/ops/spawn_pull.h"
#include "cli/ops/transport.h"

namespace hoy::cli {
namespace {

// `wanted` was judged before.
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
  TRY(std::vector<std::string> names,
      SpawnPull(context, pull, options.quiet ? ProgressMode::kNone : ProgressMode::kAuto));
  if (names.size() == 1) return store.Resolve(names.front());
  if (names.empty()) return Fail(ErrorKind::kNotFound, "'{}' holds no image", options.image);
  return Fail(MakeError(ErrorKind::kInvalidArgument,
                        fmt::format("'{}' holds several images", options.image))
                  .WithHint(fmt::format("choose one: '{}:{}'", options.image, names.front())));
}

// What a list means for the platform that was asked for, or for this machine.
struct ListChoice {
  std::optional<oci::ResolvedImage> image;  // it is here
  std::string origin;                       // else: where it can be had; empty: nobody knows
};

// nullopt: the name is no list's.
Result<std::optional<ListChoice>> ChooseFromList(const oci::ImageStore& store,
                                                 const std::string& name,
                                                 const std::string& platform) {
  TRY(auto list, store.FindList(name));
  if (!list) return std::nullopt;
  TRY(oci::Platform wanted, oci::ChoosePlatform(platform, ""));
  auto image = store.ResolveForPlatform(name, wanted);
  if (image) return ListChoice{.image = *std::move(image), .origin = {}};
  TRY_CONTEXT_SET(oci::Descriptor entry, oci::SelectPlatform(list->index, wanted), "'{}'", name);
  for (const oci::ListMember& member : list->members) {
    if (member.manifest == entry.digest && !member.origin.empty()) {
      return ListChoice{.image = std::nullopt, .origin = member.origin};
    }
  }
  return Fail(std::move(image).error());
}

// After a pull of a list's image by its digest: the list names it, and so it needs no other name.
Result<oci::ResolvedImage> TakeIntoList(const oci::ImageStore& store, const std::string& origin) {
  TRY(oci::ResolvedImage image, store.Resolve(origin));
  TRY(oci::ListedImage listed, store.Find(image.record.id.ToString()));
  TRY(oci::Reference name, oci::Reference::Parse(origin));
  if (!listed.list_names.empty() || listed.names.size() > 1) {
    TRY(store.DropName(name.WithDigest(name.digest())));
  }
  return image;
}

// After a pull: a name that is a list's means another image than the platform's perhaps.
Result<oci::ResolvedImage> AsPulled(const oci::ImageStore& store, const std::string& name,
                                    const std::string& platform) {
  TRY(oci::ResolvedImage image, store.Resolve(name));
  if (!image.of_list || !WantsOtherPlatform(image.record, platform)) return image;
  TRY(oci::Platform wanted, oci::ChoosePlatform(platform, ""));
  return store.ResolveForPlatform(name, wanted);
}

}  // namespace

Result<std::string> WantedPlatform(const std::string& flag, const std::string& preset) {
  if (flag.empty() && preset.empty()) return std::string();
  TRY(oci::ChoosePlatform(flag, preset));
  return flag.empty() ? preset : flag;
}

Result<oci::ResolvedImage> FindImage(Context& context, const RunOptions& options) {
  oci::ImageStore store(context.layout);
  TRY(CheckTransport(options.image));
  if (ParseTransport(options.image)) return FromTransport(context, store, options);
  const char* preset = std::getenv("DOCKER_DEFAULT_PLATFORM");
  TRY(std::string platform, WantedPlatform(options.platform, preset == nullptr ? "" : preset));
  std::string name(WithoutDockerTransport(options.image));
  bool into_list = false;
  bool pull_first = options.pull == "always" || options.pull == "newer";
  if (!pull_first) {
    auto image = store.Resolve(name);
    bool wrong_platform = image && WantsOtherPlatform(image->record, platform);
    if (image && image->of_list && platform.empty()) {
      wrong_platform = !oci::MatchRank(oci::HostPlatform(), image->record.platform);
    }
    if (image && !wrong_platform) return image;
    if (!image && image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
    // No registry can be asked for it.
    if (!image && oci::ReadsAsImageId(name)) return Fail(std::move(image).error());
    if (!image || image->of_list) {
      TRY(auto choice, ChooseFromList(store, name, platform));
      if (choice && choice->image) return *std::move(choice->image);
      if (choice) {
        name = choice->origin;
        TRY(oci::Reference origin, oci::Reference::Parse(name));
        into_list = !store.HasName(origin.WithDigest(origin.digest()));
      }
    }
    if (options.pull == "never") {
      if (!image)
        return Fail(std::move(image).error().WithHint(fmt::format("hoy pull {}", options.image)));
      return Fail(ErrorKind::kNotFound, "image '{}' is here for another platform than {}",
                  options.image, platform);
    }
  }
  PullOptions pull;
  pull.reference = name;
  pull.platform = platform;
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
    context.Warn(fmt::format("--pull newer: what is here is taken: {}", pulled.error().message));
    return image;
  }
  return into_list ? TakeIntoList(store, name) : AsPulled(store, name, platform);
}

}  // namespace hoy::cli
