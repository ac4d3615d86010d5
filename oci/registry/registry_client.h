#pragma once
// The pull half of the OCI distribution spec v1.1 for one repository: manifests and blobs.
// Safe to use from several threads.

#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"
#include "oci/registry/authorizer.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"
#include "oci/registry/retry.h"
#include "oci/registry/status_error.h"

namespace hoy::oci {

struct ManifestAnswer {
  std::string bytes;
  std::string media_type;
  Digest digest;  // of `bytes`, computed here
};

// Takes a blob's bytes in order.
class BlobReceiver {
 public:
  virtual ~BlobReceiver() = default;
  // The bytes that follow start at `offset` of the blob: what was asked for, or 0 when the server
  // knows no ranges. `end`: where the server says they end.
  virtual Result<> Begin(uint64_t offset, std::optional<uint64_t> end) = 0;
  virtual Result<> Data(std::span<const std::byte> bytes) = 0;
};

class RegistryClient {
 public:
  // `http` must outlive this. Only the name of `repository` counts.
  RegistryClient(HttpClient& http, const Reference& repository, CredentialOptions credentials,
                 RetryPolicy retry, RetryObserver observer);
  // An empty `path`: the registry as a whole, for Ping.
  RegistryClient(HttpClient& http, std::string registry, std::string path,
                 CredentialOptions credentials, RetryPolicy retry, RetryObserver observer);

  // GET /v2/: whether the registry is one, and takes our credentials. Retried.
  Result<> Ping();

  // Retried. The digest of a manifest asked for by digest, and of Docker-Content-Digest where the
  // registry sends one, is checked: kCorrupt.
  Result<ManifestAnswer> GetManifest(const std::string& tag_or_digest);
  // What Docker-Content-Digest says, or an empty digest when the registry does not say. Retried.
  Result<Digest> HeadManifest(const std::string& tag_or_digest);

  // One try at the blob from `offset` on. The stage is "range" when the server has no such range.
  Result<> GetBlob(const Digest& digest, uint64_t offset, BlobReceiver& receiver, Attempt& attempt);

  const RetryPolicy& retry() const { return retry_; }
  const CancelToken& cancel() const { return http_.cancel(); }
  std::string credential_warning() { return authorizer_.warning(); }

 private:
  Result<std::string> Root();     // "https://host/v2/"
  Result<std::string> BaseUrl();  // "https://host/v2/<path>"
  Result<HttpResponse> Exchange(HttpRequest request, const std::string& what,
                                BodyConsumer* consumer, Attempt& attempt);
  Result<HttpResponse> RequestManifest(const std::string& method, const std::string& tag_or_digest);

  HttpClient& http_;
  const std::string registry_;
  const std::string path_;
  const RetryPolicy retry_;
  const RetryObserver observer_;
  Authorizer authorizer_;
  std::mutex mutex_;
  std::string root_;
};

// Where the API of a reference's domain is: registry-1.docker.io for docker.io.
std::string ApiHost(std::string_view domain);

}  // namespace hoy::oci
