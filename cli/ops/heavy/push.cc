#include <algorithm>
#include <cstdio>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/open_target.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ops/transport.h"
#include "core/state/event_log.h"
#include "core/sys/files.h"
#include "oci/image/image_store.h"
#include "oci/image/registries_conf.h"
#include "oci/registry/list_pusher.h"
#include "oci/registry/pusher.h"

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
  if (!found.target.digest().empty()) {
    return Fail(
        MakeError(ErrorKind::kInvalidArgument,
                  fmt::format("push to '{}': a digest cannot be chosen", found.target.Familiar()))
            .WithHint("name a tag"));
  }
  return std::vector{std::move(found)};
}

// "oci:DIR[:REF]" and the like: what registries alone can do is an error.
Result<> PushToTransport(Context& context, const PushOptions& options,
                         const TransportReference& to) {
  bool packs = !options.compression_format.empty() || options.compression_level ||
               options.force_compression || !options.format.empty() || options.chunk_bytes;
  if (packs) {
    return Fail(
        MakeError(ErrorKind::kUnsupported, "layers and manifests are written there as they are")
            .WithHint("--compression-format, --format and --chunk-size are for registries"));
  }
  if (to.path.empty()) return Fail(ErrorKind::kInvalidArgument, "the path is missing");
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
  ImageToExport image{.image = std::move(found.image), .list = std::move(found.list), .names = {}};
  if (to.transport == Transport::kDockerArchive && !to.reference.empty()) {
    TRY(oci::Reference reference, oci::Reference::ParseAsName(to.reference));
    image.names.names.push_back(std::move(reference));
  } else {
    image.names.tag = to.reference;
  }
  TRY(oci::Digest digest, ExportTo(context, to.transport, to.path, {std::move(image)}));
  context.out.Print("{}\n", *options.destination);
  if (options.digestfile.empty()) return {};
  return core::WriteFileAtomically(options.digestfile, digest.ToString() + "\n",
                                   core::Durability::kVolatile, 0644);
}

}  // namespace

Result<> RunPush(Context& context, const PushOptions& options) {
  if (options.destination) {
    TRY_CONTEXT(CheckTransport(*options.destination), "push '{}'", options.image);
    if (auto transport = ParseTransport(*options.destination)) {
      TRY_CONTEXT(PushToTransport(context, options, *transport), "push '{}' to '{}'", options.image,
                  *options.destination);
      return {};
    }
  }
  oci::PushRequest request{
      .image = {},
      .target = {},
      .credentials = {.creds = options.creds, .authfile = options.authfile},
      .http = {},
      .uploads = static_cast<int>(std::clamp<int64_t>(options.uploads, 1, 32)),
      .pack_all = options.force_compression,
  };
  if (options.chunk_bytes) {
    request.upload.chunk_bytes = static_cast<uint64_t>(std::max<int64_t>(*options.chunk_bytes, 1));
    request.upload.single_bytes = std::min(request.upload.single_bytes, request.upload.chunk_bytes);
  }
  if (!options.format.empty()) {
    request.format =
        options.format == "oci" ? oci::ManifestFormat::kOci : oci::ManifestFormat::kDocker;
  }
  bool asked = !options.compression_format.empty() || options.compression_level;
  if (asked || options.force_compression) {
    request.pack =
        oci::PackOptions{.format = options.compression_format == "zstd" ? oci::PackFormat::kZstd
                                                                        : oci::PackFormat::kGzip,
                         .level = options.compression_level};
  }
  TRY(request.retry, MakeRetryPolicy(options.retry, options.retry_delay));
  TRY(core::PrepareLayout(context.layout));
  TRY(std::vector<ImageToPush> images, Choose(context, options));
  auto sink =
      MakePullProgress(stderr, {.mode = options.quiet ? ProgressMode::kNone : options.progress,
                                .color = context.ColorOnStderr(),
                                .columns = 0});
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  for (ImageToPush& image : images) {
    TRY(request.http, MakeHttpOptions(options.tls_verify, options.cert_dir));
    TRY_CONTEXT(MindRegistriesConf(image.target.ToString(), request.http), "push '{}'",
                image.target.Familiar());
    request.image = std::move(image.image);
    request.target = std::move(image.target);
    oci::PullSummary summary;
    if (image.list) {
      TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
      oci::ListPushRequest list{
          .push = request,
          .list = *std::move(image.list),
          .endpoints = [&](const oci::Reference& from) { return oci::EndpointsFor(conf, from); }};
      TRY(summary, oci::PushList(context.layout, list, *sink, cancel));
    } else {
      TRY(summary, oci::PushImage(context.layout, request, *sink, cancel));
    }
    std::string name = request.target.Familiar();
    core::RecordImageEvent(context.layout, "push", name, name);
    context.out.Print("{}\n", summary.canonical);
    if (!options.digestfile.empty()) {
      TRY(core::WriteFileAtomically(options.digestfile, summary.digest + "\n",
                                    core::Durability::kVolatile, 0644));
    }
  }
  return {};
}

}  // namespace hoy::cli
