// manifest inspect and push.

#include <nlohmann/json.hpp>

#include "cli/ops/heavy/cancel_on_signal.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/heavy/remote.h"
#include "cli/ops/image_users.h"
#include "cli/ops/manifest_verbs.h"
#include "cli/ops/transport.h"
#include "core/sys/files.h"
#include "oci/registry/list_pusher.h"

namespace hoy::cli {
namespace {

// The document behind a name: of a list here, an image here, or from the registry.
Result<std::string> FindDocument(Context& context, const ManifestInspectOptions& options) {
  if (!options.name.starts_with("docker://")) {
    oci::ImageStore store(context.layout);
    TRY(auto list, store.FindList(options.name));
    if (list) return list->bytes;
    auto image = store.Resolve(options.name);
    if (image) return store.ReadBlob(image->record.manifest);
    if (image.error().kind != ErrorKind::kNotFound) return Fail(std::move(image).error());
  }
  std::string name(WithoutDockerTransport(options.name));
  TRY(oci::RemoteImage remote, RemoteImageOf(name, options.access));
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  TRY(oci::ManifestAnswer answer, oci::FetchManifest(remote, cancel));
  TRY(oci::ParseManifestOrIndex(answer.bytes, answer.media_type));  // bounded, and no surprise
  return answer.bytes;
}

Result<oci::PullSummary> Push(Context& context, const ManifestPushOptions& options) {
  oci::ImageStore store(context.layout);
  oci::ListPushRequest request{
      .push = {.image = {},
               .target = {},
               .credentials = {.creds = options.access.creds, .authfile = options.access.authfile},
               .http = {}},
      .list = {},
      .entries = options.all,
      .endpoints = {}};
  if (!options.format.empty()) {
    request.push.format =
        options.format == "oci" ? oci::ManifestFormat::kOci : oci::ManifestFormat::kDocker;
  }
  if (!options.compression_format.empty()) {
    request.push.pack =
        oci::PackOptions{.format = options.compression_format == "zstd" ? oci::PackFormat::kZstd
                                                                        : oci::PackFormat::kGzip,
                         .level = std::nullopt};
  }
  TRY(core::PrepareLayout(context.layout));
  TRY(request.list, FindStoredList(store, options.list));
  std::string target = options.destination
                           ? std::string(WithoutDockerTransport(*options.destination))
                           : request.list.reference;
  TRY(request.push.target, oci::Reference::ParseWithDefaultTag(target));
  if (!request.push.target.digest().empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("to '{}': a digest cannot be chosen", target))
                    .WithHint("name a tag"));
  }
  TRY(oci::RegistriesConf conf, oci::LoadRegistriesConf());
  request.endpoints = [&](const oci::Reference& reference) {
    return oci::EndpointsFor(conf, reference);
  };
  TRY(request.push.http, MakeHttpOptions(options.access.tls_verify, options.access.cert_dir));
  TRY(MindRegistriesConf(request.push.target.ToString(), request.push.http));
  auto sink =
      MakePullProgress(stderr, {.mode = options.quiet ? ProgressMode::kNone : options.progress,
                                .color = context.ColorOnStderr(),
                                .columns = 0});
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  TRY(oci::PullSummary summary, oci::PushList(context.layout, request, *sink, cancel));
  if (options.purge) {
    TRY(std::vector<oci::ImageUser> users, ImageUsers(context.layout));
    TRY(store.Remove(request.list.reference, /*force=*/true, users));
  }
  return summary;
}

}  // namespace

Result<> RunManifestInspect(Context& context, const ManifestInspectOptions& options) {
  TRY_CONTEXT_SET(std::string bytes, FindDocument(context, options), "manifest inspect '{}'",
                  options.name);
  auto document = nlohmann::ordered_json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  context.out.Print("{}\n", document.dump(4));
  return {};
}

Result<> RunManifestPush(Context& context, const ManifestPushOptions& options) {
  TRY_CONTEXT_SET(oci::PullSummary summary, Push(context, options), "manifest push '{}'",
                  options.list);
  context.out.Print("{}\n", summary.digest);
  if (options.digestfile.empty()) return {};
  return core::WriteFileAtomically(options.digestfile, summary.digest + "\n",
                                   core::Durability::kVolatile, 0644);
}

}  // namespace hoy::cli
