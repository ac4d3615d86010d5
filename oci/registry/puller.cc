#include "oci/registry/puller.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <span>

#include "core/base/text.h"
#include "oci/image/image_store.h"
#include "oci/image/layer_info.h"
#include "oci/image/manifest.h"
#include "oci/image/proven_layers.h"
#include "oci/layer/layer_store.h"
#include "oci/layer/sha256.h"
#include "oci/registry/document_fetch.h"
#include "oci/registry/layer_pull.h"
#include "oci/registry/registry_client.h"
#include "oci/registry/registry_signatures.h"
#include "oci/trust/gate.h"

namespace hoy::oci {
namespace {

constexpr int kMaxIndexDepth = 3;

struct Document {
  Digest digest;
  std::string bytes;
};

std::string TagShown(const Reference& reference) {
  return reference.digest().empty() ? reference.tag() : reference.digest().ToString();
}

// What the user says counts for more than what is configured.
HttpOptions HttpOptionsFor(const PullRequest& request, const PullEndpoint& endpoint) {
  HttpOptions options = request.http;
  if (!options.tls_verify && endpoint.insecure) options.tls_verify = false;
  return options;
}

// --creds are for the registry that the user named.
CredentialOptions CredentialsFor(const PullRequest& request, const PullEndpoint& endpoint) {
  CredentialOptions options = request.credentials;
  if (endpoint.mirror) options.creds.clear();
  return options;
}

// While there is another place, no time is lost on one that does not answer.
RetryPolicy RetryFor(const PullRequest& request, bool last) {
  RetryPolicy retry = request.retry;
  if (last) return retry;
  retry.attempts = std::min(retry.attempts, 2);
  retry.connect_attempts = 1;
  retry.longest_wait = std::min(retry.longest_wait, std::chrono::seconds(5));
  return retry;
}

// A place after the one that an image is pulled from, for blobs which that one does not give.
struct FurtherPlace {
  FurtherPlace(const PullRequest& request, const PullEndpoint& endpoint, bool last,
               CancelToken& cancel)
      : http(HttpOptionsFor(request, endpoint), cancel),
        client(http, endpoint.reference, CredentialsFor(request, endpoint), RetryFor(request, last),
               {}) {}
  HttpClient http;
  RegistryClient client;
};

class Pull {
 public:
  // From the first of `endpoints`; the others are there to help out.
  Pull(const core::Layout& layout, const PullRequest& request,
       std::span<const PullEndpoint> endpoints, ProgressSink& sink, CancelToken& cancel)
      : layout_(layout),
        request_(request),
        sink_(sink),
        cancel_(cancel),
        images_(layout),
        layers_(OpenDirectoryLayerStore(layout)),
        http_(HttpOptionsFor(request, endpoints[0]), cancel),
        client_(http_, endpoints[0].reference, CredentialsFor(request, endpoints[0]),
                RetryFor(request, endpoints.size() == 1),
                [this](const Error& error, std::chrono::milliseconds wait) {
                  Notice(fmt::format("{}; next try in {:.1f} s", error.message,
                                     static_cast<double>(wait.count()) / 1000));
                }),
        signatures_(MakeRegistrySignatures(http_, client_, endpoints[0].reference)) {
    RegistryClient* before = &client_;
    for (size_t i = 1; i < endpoints.size(); ++i) {
      further_.push_back(
          std::make_unique<FurtherPlace>(request, endpoints[i], i + 1 == endpoints.size(), cancel));
      before->set_fallback(&further_.back()->client);
      before = &further_.back()->client;
    }
  }

  Result<PullSummary> Run() {
    TRY(bool current, IsCurrent());
    if (current) {
      // The policy may be a new one.
      TRY(CheckPolicy(known_->manifest));
      Start({});
      return End(Summary(known_->id, /*changed=*/false));
    }
    TRY(PullLease lease, images_.BeginPull());
    TRY(FetchManifest());
    TRY(CheckPolicy(manifest_digest_));
    TRY(lease.Protect(BlobsOfManifest(), {}));
    TRY(ImageConfig config, FetchConfig());
    TRY(CheckPlatform(config));
    if (config.diff_ids.size() != manifest_.layers.size()) {
      return Fail(ErrorKind::kCorrupt, "'{}': the manifest has {} layers, the config {}",
                  request_.reference.Familiar(), manifest_.layers.size(), config.diff_ids.size());
    }
    std::vector<Digest> chain_ids = ChainIds(config.diff_ids);
    TRY(lease.Protect({}, chain_ids));

    std::vector<LayerToPull> layers;
    ProvenLayers proven(layout_);
    for (size_t i = 0; i < chain_ids.size(); ++i) {
      layers.push_back({.blob = manifest_.layers[i],
                        .diff_id = config.diff_ids[i],
                        .chain_id = chain_ids[i],
                        .exists = layers_->Has(chain_ids[i])});
      layers.back().proven =
          !layers.back().exists || proven.IsProven(manifest_.layers[i].digest, config.diff_ids[i]);
      // One that was packed otherwise, or was lost: push and save will want it.
      layers.back().wants_blob =
          request_.keep_layer_blobs && !images_.HasBlob(manifest_.layers[i].digest);
    }
    Start(layers);
    auto report = [this](const LayerProgress& layer) { sink_.OnLayer(layer); };
    LayerPullOptions options{.downloads = std::max(request_.downloads, 1),
                             .unpackers = std::max(request_.unpackers, 1)};
    TRY(LayerSizes sizes, PullLayers(client_, layout_, *layers_, layers, options, report, cancel_));
    for (const Document& document : documents_) {
      TRY(images_.WriteBlob(document.digest, document.bytes));
    }
    TRY(Publish(config, layers, sizes));
    bool changed = !known_ || known_->id != manifest_.config.digest;
    return End(Summary(manifest_.config.digest, changed));
  }

 private:
  // Only while no layer is being pulled: sinks get one call at a time.
  void Notice(const std::string& text) { sink_.OnNotice(text); }

  std::string CanonicalDigest(const Digest& digest) const {
    return request_.reference.Name() + "@" + digest.ToString();
  }

  bool HasAllLayers(const ImageRecord& record) const {
    return std::all_of(record.chain_ids.begin(), record.chain_ids.end(),
                       [&](const Digest& chain_id) { return layers_->Has(chain_id); });
  }

  bool HasAllBlobs(const ImageRecord& record) const {
    return std::ranges::all_of(record.blobs,
                               [&](const Digest& blob) { return images_.HasBlob(blob); });
  }

  // Whether what this machine has under the name is what the registry has: costs one HEAD, and
  // nothing at all for a digest.
  Result<bool> IsCurrent() {
    auto resolved = images_.Resolve(request_.reference.ToString());
    if (!resolved) return false;
    known_ = std::move(resolved->record);
    if (MatchRank(request_.platform, known_->platform) != 0) return false;
    if (!HasAllLayers(*known_) || !HasAllBlobs(*known_)) return false;
    target_ = request_.reference.digest();
    if (target_.empty()) {
      auto head = client_.HeadManifest(request_.reference.tag());
      // Some registries have no HEAD, or no digest in it: then the manifest itself must tell.
      if (!head && head.error().stage == "status") return false;
      TRY(target_, std::move(head));
      if (target_.empty()) return false;
    }
    const auto& digests = known_->repo_digests;
    if (std::ranges::find(digests, CanonicalDigest(target_)) == digests.end()) return false;
    // The same image may have come once more with another manifest, and that is the known one.
    if (request_.image_only) return target_ == known_->manifest || IsImageHere(target_);
    // It is not the one then that must be signed.
    bool needs_signature =
        request_.policy && !DecidesAlone(*request_.policy, DockerIdentity(request_.reference));
    return !needs_signature || LeadsTo(target_, known_->manifest, kMaxIndexDepth);
  }

  bool IsImageHere(const Digest& manifest) const {
    auto bytes = images_.ReadBlob(manifest);
    return bytes && ParseManifest(*bytes, "");
  }

  // Whether `manifest` is `from`, or is in `from`, an index that is here.
  bool LeadsTo(const Digest& from, const Digest& manifest, int depth) const {
    if (from == manifest) return true;
    if (depth == 0) return false;
    auto bytes = images_.ReadBlob(from);
    if (!bytes) return false;
    auto document = ParseManifestOrIndex(*bytes, "");
    const Index* index = document ? std::get_if<Index>(&*document) : nullptr;
    return index != nullptr && std::ranges::any_of(index->manifests, [&](const Descriptor& entry) {
             return entry.digest == manifest ||
                    (IsIndexType(entry.media_type) && LeadsTo(entry.digest, manifest, depth - 1));
           });
  }

  Result<> CheckPolicy(const Digest& manifest) {
    if (!request_.policy) return {};
    ImageIdentity image = DockerIdentity(request_.reference);
    image.of_list = manifest != target_;
    return CheckImage(*request_.policy, image, manifest, *signatures_);
  }

  // Follows indexes down to the manifest for the platform.
  Result<> FetchManifest() {
    std::string wanted = request_.reference.TagOrDigest();
    std::string announced;
    std::optional<int64_t> size;
    for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
      auto got = client_.GetManifest(wanted);
      // What an index names, the user did not.
      const bool is_part = depth > 0 || request_.image_only;
      if (!got && is_part) return Fail(OfPart(std::move(got).error()));
      TRY(ManifestAnswer answer, std::move(got));
      if (size && *size != static_cast<int64_t>(answer.bytes.size())) {
        return Fail(ErrorKind::kCorrupt, "manifest '{}' has {} bytes, the index promises {}",
                    wanted, answer.bytes.size(), *size);
      }
      if (depth == 0) target_ = answer.digest;
      TRY_CONTEXT_SET(
          auto parsed,
          ParseManifestOrIndex(answer.bytes, announced.empty() ? answer.media_type : announced),
          "manifest of '{}'", request_.reference.Familiar());
      documents_.push_back({.digest = answer.digest, .bytes = std::move(answer.bytes)});
      if (auto* manifest = std::get_if<Manifest>(&parsed)) {
        manifest_ = std::move(*manifest);
        manifest_digest_ = answer.digest;
        return {};
      }
      if (request_.image_only) {
        return Fail(ErrorKind::kCorrupt, "'{}': the index calls it an image, but it is an index",
                    request_.reference.Familiar());
      }
      TRY_CONTEXT_SET(Descriptor chosen, SelectPlatform(std::get<Index>(parsed), request_.platform),
                      "'{}'", request_.reference.Familiar());
      wanted = chosen.digest.ToString();
      announced = chosen.media_type;
      size = chosen.size;
    }
    return Fail(ErrorKind::kCorrupt, "'{}': an index in an index in an index",
                request_.reference.Familiar());
  }

  std::vector<Digest> BlobsOfManifest() const {
    std::vector<Digest> blobs;
    for (const Document& document : documents_) blobs.push_back(document.digest);
    if (manifest_.config.digest != Digest()) blobs.push_back(manifest_.config.digest);
    for (const Descriptor& layer : manifest_.layers) blobs.push_back(layer.digest);
    return blobs;
  }

  Result<ImageConfig> FetchConfig() {
    const Descriptor& wanted = manifest_.config;
    if (wanted.size > static_cast<int64_t>(kMaxDocumentBytes)) {
      return Fail(ErrorKind::kCorrupt, "config '{}': {} bytes are too many for a config",
                  wanted.digest.ToString(), wanted.size);
    }
    std::string bytes;
    if (images_.HasBlob(wanted.digest)) {
      auto stored = images_.ReadBlob(wanted.digest);
      if (stored && Sha256Of(*stored) == wanted.digest) bytes = std::move(*stored);
    }
    if (bytes.empty()) {
      TRY(bytes, FetchDocument(client_, wanted.digest, wanted.size, "config"));
      documents_.push_back({.digest = wanted.digest, .bytes = bytes});
    }
    TRY_CONTEXT_SET(ImageConfig config, ParseImageConfig(bytes), "config '{}'",
                    wanted.digest.ToString());
    return config;
  }

  Result<> CheckPlatform(const ImageConfig& config) {
    if (MatchRank(request_.platform, config.platform)) return {};
    std::string text = fmt::format("'{}' is for {}, not for {}", request_.reference.Familiar(),
                                   config.platform.ToString(), request_.platform.ToString());
    if (config.platform.os != request_.platform.os) {
      return Fail(ErrorKind::kUnsupported, "{}: an image of another operating system", text);
    }
    if (request_.platform_asked) return Fail(MakeError(ErrorKind::kNotFound, text));
    sink_.OnWarning(text);
    return {};
  }

  void Start(const std::vector<LayerToPull>& layers) {
    PullHeader header{.reference = request_.reference.Familiar(),
                      .tag = TagShown(request_.reference),
                      .repository = request_.reference.domain() == "docker.io"
                                        ? request_.reference.path()
                                        : request_.reference.Name(),
                      .digest = target_.ToString(),
                      .platform = request_.platform.ToString()};
    for (size_t i = 0; i < layers.size(); ++i) {
      header.layers.push_back(InitialProgress(layers[i], i));
    }
    sink_.OnStart(header);
  }

  Result<> Publish(const ImageConfig& config, const std::vector<LayerToPull>& layers,
                   const LayerSizes& sizes) {
    ImageRecord record{.id = manifest_.config.digest,
                       .manifest = manifest_digest_,
                       .platform = config.platform,
                       .created = config.created,
                       .pulled = core::Now(),
                       .repo_digests = {CanonicalDigest(target_)},
                       .author = config.author,
                       .config = config.config};
    uint64_t size = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      record.chain_ids.push_back(layers[i].chain_id);
      record.diff_ids.push_back(layers[i].diff_id);
      bool again = known_ && known_->id == record.id;
      if (!again) {
        size += layers[i].exists ? LayerFileBytes(layout_, layers[i].chain_id) : sizes[i];
      }
    }
    record.size = known_ && known_->id == record.id ? known_->size : static_cast<int64_t>(size);
    for (const Document& document : documents_) record.blobs.push_back(document.digest);
    record.blobs.push_back(manifest_.config.digest);
    if (request_.keep_layer_blobs) {
      for (const LayerToPull& layer : layers) record.blobs.push_back(layer.blob.digest);
    }
    std::sort(record.blobs.begin(), record.blobs.end());
    record.blobs.erase(std::unique(record.blobs.begin(), record.blobs.end()), record.blobs.end());
    return images_.Publish(std::move(record), request_.reference, target_);
  }

  PullSummary Summary(const Digest& id, bool changed) const {
    return {.reference = request_.reference.Familiar(),
            .canonical = request_.reference.ToString(),
            .id = id.ToString(),
            .digest = target_.ToString(),
            .changed = changed};
  }

  PullSummary End(PullSummary summary) {
    sink_.OnEnd(summary);
    return summary;
  }

  const core::Layout& layout_;
  const PullRequest& request_;
  ProgressSink& sink_;
  CancelToken& cancel_;
  ImageStore images_;
  std::unique_ptr<LayerStore> layers_;
  HttpClient http_;
  RegistryClient client_;
  const std::unique_ptr<SignatureSource> signatures_;
  std::vector<std::unique_ptr<FurtherPlace>> further_;

  std::optional<ImageRecord> known_;  // what the name means here now
  Digest target_;                     // what the registry answered for the reference
  Manifest manifest_;
  Digest manifest_digest_;
  std::vector<Document> documents_;  // fetched: indexes, manifest, config
};

}  // namespace

Result<PullSummary> PullImage(const core::Layout& layout, const PullRequest& request,
                              ProgressSink& sink, CancelToken& cancel) {
  std::vector<PullEndpoint> endpoints = request.endpoints;
  if (endpoints.empty()) endpoints.push_back({.reference = request.reference});
  Error failure;
  if (request.policy) {
    auto asked = CheckBeforeAsking(*request.policy, DockerIdentity(request.reference));
    if (!asked) {
      sink.OnFailure();
      return Fail(std::move(asked).error().InContext(
          fmt::format("pull '{}'", request.reference.Familiar())));
    }
  }
  for (size_t i = 0; i < endpoints.size(); ++i) {
    auto summary = Pull(layout, request, std::span(endpoints).subspan(i), sink, cancel).Run();
    if (summary) return summary;
    failure = std::move(summary).error();
    // Cancelled by the user, or by itself: layers were on their way, and what came of them is kept.
    bool next = i + 1 < endpoints.size() && !cancel.cancelled() && failure.stage != "policy";
    if (!next) break;
    sink.OnNotice(fmt::format("mirror '{}': {}; going on with '{}'", endpoints[i].reference.Name(),
                              failure.message, endpoints[i + 1].reference.Name()));
  }
  sink.OnFailure();
  return Fail(std::move(failure).InContext(fmt::format("pull '{}'", request.reference.Familiar())));
}

}  // namespace hoy::oci
