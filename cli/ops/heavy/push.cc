#include <algorithm>
#include <cstdio>

#include "cli/ops/heavy/output_file.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/heavy/push_request.h"
#include "core/state/event_log.h"
#include "oci/image/image_store.h"
#include "oci/image/repo_digests.h"

namespace hoy::cli {
namespace {

struct ImageToPush {
  oci::ImageRecord image;
  std::optional<oci::StoredList> list;  // instead of an image
  oci::Reference target;
};

// What a name stands for: all of a list, unless one platform is asked for.
Result<ImageToPush> Find(const oci::ImageStore& store, std::string_view name,
                         const std::string& platform) {
  ImageToPush found;
  std::string reference;
  if (!platform.empty()) {
    TRY(oci::Platform wanted, oci::ParsePlatform(platform, oci::HostPlatform()));
    TRY(oci::ResolvedImage image, store.ResolveForPlatform(name, wanted));
    found.image = std::move(image.record);
    reference = std::move(image.reference);
  } else {
    TRY(found.list, store.FindList(name));
    if (found.list) {
      reference = found.list->reference;
    } else {
      TRY(oci::ResolvedImage image, store.Resolve(name));
      found.image = std::move(image.record);
      reference = std::move(image.reference);
    }
  }
  if (reference.empty()) return found;  // by id
  TRY(found.target, oci::Reference::Parse(reference));
  return found;
}

// Every tag that this machine has of the repository.
Result<std::vector<ImageToPush>> AllTags(const oci::ImageStore& store, std::string_view name,
                                         const std::string& platform) {
  TRY(auto repository, oci::Reference::Parse(name));
  if (!repository.tag().empty() || !repository.digest().empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--all-tags takes a name without a tag, not '{}'",
                name);
  }
  TRY(auto images, store.List());
  std::vector<ImageToPush> found;
  for (const oci::ListedImage& listed : images) {
    for (const std::string& text : listed.names) {
      auto reference = oci::Reference::Parse(text);
      if (!reference || reference->Name() != repository.Name() || reference->tag().empty())
        continue;
      TRY(ImageToPush image, Find(store, text, platform));
      found.push_back(std::move(image));
    }
  }
  std::ranges::sort(found, {}, [](const ImageToPush& one) { return one.target.tag(); });
  if (!found.empty()) return found;
  return Fail(ErrorKind::kNotFound, "no image here has a tag of '{}'", name);
}

Result<std::vector<ImageToPush>> Choose(const Context& context, const PushOptions& options) {
  oci::ImageStore store(context.layout);
  std::string_view name = WithoutDockerTransport(options.image);
  if (options.all_tags) return AllTags(store, name, options.platform);
  TRY(ImageToPush found, Find(store, name, options.platform));
  if (options.destination) {
    TRY(found.target,
        oci::Reference::ParseWithDefaultTag(WithoutDockerTransport(*options.destination)));
  } else if (found.target == oci::Reference()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("'{}' is an image's id: push it where?", options.image))
                    .WithHint("hoy push ID REGISTRY/NAME:TAG"));
  }
  return std::vector{std::move(found)};
}

// To an archive or a directory.
Result<oci::Digest> PushToFile(Context& context, const PushOptions& options,
                               const TransportReference& to) {
  TRY(core::PrepareLayout(context.layout));
  oci::ImageStore store(context.layout);
  std::string_view name = WithoutDockerTransport(options.image);
  ImageToPush found;
  bool one_only = to.transport == Transport::kDockerArchive && options.platform.empty();
  if (one_only) {
    TRY(oci::ResolvedImage image, store.Resolve(name));
    found.image = std::move(image.record);
  } else {
    TRY(found, Find(store, name, options.platform));
  }
  return PushToTransport(
      context, options, to,
      {.image = std::move(found.image), .list = std::move(found.list), .names = {}});
}

}  // namespace

Result<> RunPush(Context& context, const PushOptions& options) {
  if (options.destination) {
    TRY_CONTEXT(CheckTransport(*options.destination), "push '{}'", options.image);
    if (auto transport = ParseTransport(*options.destination)) {
      TRY_CONTEXT_SET(oci::Digest digest, PushToFile(context, options, *transport),
                      "push '{}' to '{}'", options.image, *options.destination);
      if (!IsStdout(transport->path)) context.out.Print("{}\n", *options.destination);
      return WriteDigestFile(options, digest.ToString());
    }
  }
  TRY(core::PrepareLayout(context.layout));
  TRY(std::vector<ImageToPush> images, Choose(context, options));
  auto sink =
      MakePullProgress(stderr, {.mode = options.quiet ? ProgressMode::kNone : options.progress,
                                .color = context.ColorOnStderr(),
                                .columns = 0});
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  for (ImageToPush& image : images) {
    TRY(oci::PushRequest request, MakePushRequest(options, image.target));
    oci::PullSummary summary;
    if (image.list) {
      TRY(summary, PushListTo(context.layout, std::move(request), *std::move(image.list),
                              oci::ListEntries::kAll, *sink, cancel));
    } else {
      request.image = std::move(image.image);
      TRY(summary, oci::PushImage(context.layout, request, *sink, cancel));
      TRY(oci::Digest digest, oci::Digest::Parse(summary.digest));
      auto kept = oci::AddRepoDigest(context.layout, request.image.id, image.target, digest);
      if (!kept) context.Warn(fmt::format("keep the digest: {}", kept.error().message));
    }
    std::string name = image.target.Familiar();
    core::RecordImageEvent(context.layout, "push", name, name);
    context.out.Print("{}\n", summary.canonical);
    TRY(WriteDigestFile(options, summary.digest));
  }
  return {};
}

}  // namespace hoy::cli
