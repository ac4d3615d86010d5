#include "cli/ops/heavy/push_request.h"

#include <algorithm>

#include "cli/ops/heavy/registry_access.h"
#include "cli/ops/heavy/remote.h"
#include "cli/ops/one_registry.h"
#include "core/sys/files.h"
#include "oci/registry/list_fetch.h"
#include "oci/registry/list_pusher.h"

namespace hoy::cli {
namespace {

std::optional<oci::ManifestFormat> FormatOf(const PushOptions& options) {
  if (options.format.empty()) return std::nullopt;
  return options.format == "oci" ? oci::ManifestFormat::kOci : oci::ManifestFormat::kDocker;
}

// Layers go into archives and directories as they are; a manifest becomes what its format wants.
Result<> CheckForTransport(const PushOptions& options, Transport transport) {
  if (!options.compression_format.empty() || options.compression_level ||
      options.force_compression || options.chunk_bytes) {
    return Fail(MakeError(ErrorKind::kUnsupported, "layers are written there as they are")
                    .WithHint("--compression-format and --chunk-size are for registries"));
  }
  auto format = FormatOf(options);
  if (!format || transport == Transport::kDir) return {};
  bool holds_docker = transport == Transport::kDockerArchive;
  if (holds_docker == (*format == oci::ManifestFormat::kDocker)) return {};
  return Fail(MakeError(ErrorKind::kUnsupported, fmt::format("it holds manifests in {} format only",
                                                             holds_docker ? "Docker's" : "the OCI"))
                  .WithHint("a dir: holds both"));
}

}  // namespace

Result<oci::PushRequest> MakePushRequest(const PushOptions& options, oci::Reference target) {
  if (!target.digest().empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("push to '{}': a digest cannot be chosen", target.Familiar()))
                    .WithHint("name a tag"));
  }
  oci::PushRequest request{
      .image = {},
      .target = std::move(target),
      .credentials = {},
      .http = {},
      .uploads = static_cast<int>(std::clamp<int64_t>(options.uploads, 1, 32)),
      .pack_all = options.force_compression,
      .format = FormatOf(options),
      .remote = {},
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
  TRY_CONTEXT_SET(request.credentials,
                  MakeCredentialOptions(options.access.creds, options.access.authfile),
                  "push to '{}'", request.target.Familiar());
  TRY(request.retry, MakeRetryPolicy(options.access.retry, options.access.retry_delay));
  TRY_CONTEXT_SET(request.http, MakeHttpOptions(options.access.tls_verify, options.access.cert_dir),
                  "push to '{}'", request.target.Familiar());
  TRY_CONTEXT(MindRegistriesConf(request.target.ToString(), request.http), "push '{}'",
              request.target.Familiar());
  request.remote = RemoteFinder(options.access, request.target.domain());
  return request;
}

Result<oci::PullSummary> PushListTo(const core::Layout& layout, oci::PushRequest request,
                                    oci::StoredList list, oci::ListEntries entries,
                                    oci::ProgressSink& sink, oci::CancelToken& cancel) {
  oci::ListPushRequest all{.push = std::move(request),
                           .list = std::move(list),
                           .entries = entries == oci::ListEntries::kAll};
  return oci::PushList(layout, all, sink, cancel);
}

Result<oci::Digest> PushToTransport(Context& context, const PushOptions& options,
                                    const TransportReference& to, ImageToExport image) {
  TRY(CheckForTransport(options, to.transport));
  if (to.path.empty()) return Fail(ErrorKind::kInvalidArgument, "the path is missing");
  if (to.transport == Transport::kDockerArchive && !to.reference.empty()) {
    TRY(oci::Reference reference, oci::Reference::ParseAsName(to.reference));
    image.names.names.push_back(std::move(reference));
  } else {
    image.names.tag = to.reference;
  }
  const bool fetches = image.list && image.entries == oci::ListEntries::kAll;
  oci::ImageStore store(context.layout);
  std::vector<oci::Digest> fetched;
  auto write = [&]() -> Result<oci::Digest> {
    TRY(oci::PullLease lease, store.BeginPull());
    if (fetches) {
      oci::CancelToken cancel;
      CancelOnSignal handler(cancel);
      // The target is no registry, so --creds can only be for the one that the images come from.
      TRY(auto registries, oci::RegistriesOfEntries(context.layout, *image.list));
      TRY(CheckOneRegistry(options.access.creds, registries));
      oci::FindRemote remote = [&](const oci::Reference& origin) {
        return RemoteImageOf(origin.ToString(), options.access);
      };
      TRY(oci::FetchEntries(context.layout, *image.list, remote, lease, fetched, cancel));
    }
    return ExportTo(context, to.transport, to.path, {image}, FormatOf(options));
  };
  auto written = write();
  TRY(store.DropBlobs(fetched));
  return written;
}

Result<> WriteDigestFile(const PushOptions& options, const std::string& digest) {
  if (options.digestfile.empty()) return {};
  return core::WriteFileAtomically(options.digestfile, digest + "\n", core::Durability::kVolatile,
                                   0644);
}

}  // namespace hoy::cli
