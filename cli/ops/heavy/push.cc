#include <algorithm>
#include <cstdio>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/registry_verbs.h"
#include "core/sys/files.h"
#include "oci/image/image_store.h"
#include "oci/registry/pusher.h"

namespace hoy::cli {
namespace {

// "docker://reg/app" as skopeo and podman write it.
std::string_view WithoutTransport(std::string_view name) {
  if (name.starts_with("docker://")) name.remove_prefix(std::string_view("docker://").size());
  return name;
}

struct ImageToPush {
  oci::ImageRecord image;
  oci::Reference target;
};

// Every tag that this machine has of the repository.
Result<std::vector<ImageToPush>> AllTags(const oci::ImageStore& store, std::string_view name) {
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
      found.push_back({.image = listed.record, .target = *std::move(reference)});
    }
  }
  std::ranges::sort(found, {}, [](const ImageToPush& one) { return one.target.tag(); });
  if (!found.empty()) return found;
  return Fail(ErrorKind::kNotFound, "no image here has a tag of '{}'", name);
}

Result<std::vector<ImageToPush>> Choose(const Context& context, const PushOptions& options) {
  oci::ImageStore store(context.layout);
  if (options.all_tags) return AllTags(store, WithoutTransport(options.image));
  TRY(oci::ResolvedImage resolved, store.Resolve(WithoutTransport(options.image)));
  std::string target = options.destination ? std::string(WithoutTransport(*options.destination))
                                           : resolved.reference;
  if (target.empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("'{}' is an image's id: push it where?", options.image))
                    .WithHint("hoy push ID REGISTRY/NAME:TAG"));
  }
  TRY(auto reference, oci::Reference::ParseWithDefaultTag(target));
  if (!reference.digest().empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("push to '{}': a digest cannot be chosen", target))
                    .WithHint("name a tag"));
  }
  return std::vector{ImageToPush{.image = std::move(resolved.record), .target = reference}};
}

}  // namespace

Result<> RunPush(Context& context, const PushOptions& options) {
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
    TRY(oci::PullSummary summary, oci::PushImage(context.layout, request, *sink, cancel));
    context.out.Print("{}\n", summary.canonical);
    if (!options.digestfile.empty()) {
      TRY(core::WriteFileAtomically(options.digestfile, summary.digest + "\n",
                                    core::Durability::kVolatile, 0644));
    }
  }
  return {};
}

}  // namespace hoy::cli
