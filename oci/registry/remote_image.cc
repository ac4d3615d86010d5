#include "oci/registry/remote_image.h"

#include "core/sys/files.h"
#include "oci/image/image_store.h"
#include "oci/layer/sha256.h"
#include "oci/registry/registry_signatures.h"

namespace hoy::oci {
namespace {

class TextReceiver final : public BlobReceiver {
 public:
  explicit TextReceiver(size_t limit) : limit_(limit) {}
  Result<> Begin(uint64_t, std::optional<uint64_t>) override {
    bytes.clear();
    return {};
  }
  Result<> Data(std::span<const std::byte> data) override {
    if (bytes.size() + data.size() > limit_) {
      return Fail(ErrorKind::kCorrupt, "longer than the manifest promises");
    }
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return {};
  }
  std::string bytes;

 private:
  const size_t limit_;
};

// `ask(RegistryClient&)` at each place, until one has an answer.
// `ask(HttpClient&, RegistryClient&, const Reference& there)`.
template <typename Ask>
auto AskEachPlace(const RemoteImage& image, CancelToken& cancel, Ask ask)
    -> decltype(ask(std::declval<HttpClient&>(), std::declval<RegistryClient&>(),
                    std::declval<const Reference&>())) {
  std::vector<PullEndpoint> endpoints = image.endpoints;
  if (endpoints.empty()) endpoints.push_back({.reference = image.reference});
  for (size_t i = 0;; ++i) {
    HttpOptions options = image.http;
    if (!options.tls_verify && endpoints[i].insecure) options.tls_verify = false;
    CredentialOptions credentials = image.credentials;
    if (endpoints[i].mirror) credentials.creds.clear();
    HttpClient http(options, cancel);
    RegistryClient client(http, endpoints[i].reference, credentials, image.retry, {});
    auto answer = ask(http, client, endpoints[i].reference);
    if (answer || i + 1 == endpoints.size() || cancel.cancelled()) return answer;
  }
}

template <typename Ask>
auto AskEach(const RemoteImage& image, CancelToken& cancel, Ask ask) {
  return AskEachPlace(image, cancel, [&](HttpClient&, RegistryClient& client, const Reference&) {
    return ask(client);
  });
}

}  // namespace

RemoteImage RemoteImage::WithDigest(const Digest& digest) const {
  RemoteImage other = *this;
  other.reference = reference.WithDigest(digest);
  for (PullEndpoint& endpoint : other.endpoints) {
    endpoint.reference = endpoint.reference.WithDigest(digest);
  }
  return other;
}

Result<ManifestAnswer> FetchManifest(const RemoteImage& image, CancelToken& cancel) {
  return AskEach(image, cancel, [&](RegistryClient& client) {
    return client.GetManifest(image.reference.TagOrDigest());
  });
}

Result<Digest> AskDigest(const RemoteImage& image, CancelToken& cancel) {
  return AskEach(image, cancel, [&](RegistryClient& client) {
    return client.HeadManifest(image.reference.TagOrDigest());
  });
}

Result<ImageConfig> FetchConfig(const RemoteImage& image, const Descriptor& config,
                                CancelToken& cancel) {
  if (config.size > static_cast<int64_t>(kMaxDocumentBytes)) {
    return Fail(ErrorKind::kCorrupt, "config '{}': {} bytes are too many for a config",
                config.digest.ToString(), config.size);
  }
  TextReceiver receiver(static_cast<size_t>(config.size));
  auto fetch = [&](RegistryClient& client) {
    return WithRetries(client.retry(), cancel, {}, [&](Attempt& attempt) {
      return client.GetBlob(config.digest, 0, receiver, attempt);
    });
  };
  TRY_CONTEXT(AskEach(image, cancel, fetch), "fetch the config");
  if (Digest got = Sha256Of(receiver.bytes); got != config.digest) {
    return Fail(ErrorKind::kCorrupt, "config '{}': what arrived has the digest {}",
                config.digest.ToString(), got.ToString());
  }
  return ParseImageConfig(receiver.bytes);
}

Result<> CheckRemoteImage(const Policy& policy, const ImageIdentity& identity,
                          const RemoteImage& image, CancelToken& cancel) {
  return AskEachPlace(image, cancel,
                      [&](HttpClient& http, RegistryClient& client, const Reference& there) {
                        auto signatures = MakeRegistrySignatures(http, client, there);
                        return CheckImage(policy, identity, image.reference.digest(), *signatures);
                      });
}

Result<> FetchBlobs(const RemoteImage& image, const core::Layout& layout,
                    std::span<const Descriptor> blobs, CancelToken& cancel,
                    const FetchObserver& observer) {
  ImageStore images(layout);
  for (const Descriptor& blob : blobs) {
    if (images.HasBlob(blob.digest) || IsForeignLayerType(blob.media_type)) continue;
    auto fetch = [&](RegistryClient& client) {
      GrowingFile file;
      return FetchBlob(client, layout, blob, file, observer);
    };
    TRY_CONTEXT(AskEach(image, cancel, fetch), "blob '{}'", blob.digest.Short());
  }
  return {};
}

}  // namespace hoy::oci
