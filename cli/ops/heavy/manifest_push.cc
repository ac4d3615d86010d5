// manifest inspect and push.

#include <nlohmann/json.hpp>

#include "cli/ops/heavy/output_file.h"
#include "cli/ops/heavy/pull_progress.h"
#include "cli/ops/heavy/push_request.h"
#include "cli/ops/heavy/remote.h"
#include "cli/ops/image_users.h"
#include "cli/ops/manifest_verbs.h"
#include "core/state/event_log.h"

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

// Without docker's "docker://".
std::string TargetOf(const PushOptions& options, const oci::StoredList& list) {
  return options.destination ? std::string(WithoutDockerTransport(*options.destination))
                             : list.reference;
}

Result<std::string> PushToRegistry(Context& context, const PushOptions& options,
                                   oci::StoredList list, oci::ListEntries entries) {
  TRY(oci::Reference target, oci::Reference::ParseWithDefaultTag(TargetOf(options, list)));
  TRY(oci::PushRequest request, MakePushRequest(options, target));
  auto sink =
      MakePullProgress(stderr, {.mode = options.quiet ? ProgressMode::kNone : options.progress,
                                .color = context.ColorOnStderr(),
                                .columns = 0});
  oci::CancelToken cancel;
  CancelOnSignal handler(cancel);
  TRY(oci::PullSummary summary,
      PushListTo(context.layout, std::move(request), std::move(list), entries, *sink, cancel));
  return summary.digest;
}

Result<std::string> PushToFile(Context& context, const PushOptions& options,
                               const TransportReference& to, oci::StoredList list,
                               oci::ListEntries entries) {
  if (to.transport == Transport::kDockerArchive) {
    return Fail(MakeError(ErrorKind::kUnsupported, "a docker-archive holds no lists")
                    .WithHint("use oci-archive:FILE, or push one image with --platform"));
  }
  TRY(oci::Digest digest,
      PushToTransport(context, options, to,
                      {.image = {}, .list = std::move(list), .names = {}, .entries = entries}));
  return digest.ToString();
}

Result<std::string> Push(Context& context, const ManifestPushOptions& options) {
  const PushOptions& push = options.push;
  oci::ImageStore store(context.layout);
  TRY(core::PrepareLayout(context.layout));
  TRY(oci::StoredList list, FindStoredList(store, push.image));
  const std::string reference = list.reference;
  const std::string target = TargetOf(push, list);
  if (push.destination) TRY(CheckTransport(*push.destination));
  auto entries = options.all ? oci::ListEntries::kAll : oci::ListEntries::kNone;
  auto transport = push.destination ? ParseTransport(*push.destination) : std::nullopt;
  std::string digest;
  if (transport) {
    TRY_CONTEXT_SET(digest, PushToFile(context, push, *transport, std::move(list), entries),
                    "to '{}'", *push.destination);
  } else {
    TRY(digest, PushToRegistry(context, push, std::move(list), entries));
  }
  core::RecordImageEvent(context.layout, "push", target, target);
  if (options.purge) {
    TRY(store.Remove(reference, /*force=*/true, UsersOf(context.layout)));
  }
  return digest;
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
  TRY_CONTEXT_SET(std::string digest, Push(context, options), "manifest push '{}'",
                  options.push.image);
  auto transport = options.push.destination ? ParseTransport(*options.push.destination)
                                            : std::optional<TransportReference>();
  if (!transport || !IsStdout(transport->path)) context.out.Print("{}\n", digest);
  return WriteDigestFile(options.push, digest);
}

}  // namespace hoy::cli
