#pragma once
// The OCI distribution spec v1.1 for one repository: manifests and blobs, both ways.
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

// An upload that the registry has opened.
struct UploadSession {
  std::string url;       // where the next request goes; it changes with each answer
  uint64_t offset = 0;   // bytes that the registry has
  bool mounted = false;  // nothing is to be sent: another repository's blob is here now, too
};

// The error for a blob or manifest that another manifest names: a "not-found" is then no wrong name
// of the user's but kCorrupt, and its hint says so. Others are as they were.
Error OfPart(Error error);

class RegistryClient {
 public:
  // `http` must outlive this. Only the name of `repository` counts. `actions`: see Authorizer.
  RegistryClient(HttpClient& http, const Reference& repository, CredentialOptions credentials,
                 RetryPolicy retry, RetryObserver observer, std::string actions = "pull");
  // An empty `path`: the registry as a whole, for Ping.
  RegistryClient(HttpClient& http, std::string registry, std::string path,
                 CredentialOptions credentials, RetryPolicy retry, RetryObserver observer,
                 std::string actions = "pull");

  // GET /v2/: whether the registry is one, and takes our credentials. Retried.
  Result<> Ping();
  // GET of "/v2/..." (a link that the registry gave may hold a host; only its own is followed).
  // Retried.
  Result<HttpResponse> GetDocument(const std::string& path, const std::string& what);

  // Retried. The digest of a manifest asked for by digest, and of Docker-Content-Digest where the
  // registry sends one, is checked: kCorrupt.
  Result<ManifestAnswer> GetManifest(const std::string& tag_or_digest);
  // What Docker-Content-Digest says, or an empty digest when the registry does not say. Retried.
  Result<Digest> HeadManifest(const std::string& tag_or_digest);

  // One try at the blob from `offset` on. The stage is "range" when the server has no such range,
  // and "not-found" (see OfPart) when it has no such blob.
  Result<> GetBlob(const Digest& digest, uint64_t offset, BlobReceiver& receiver, Attempt& attempt);

  // HEAD. Retried.
  Result<bool> HasBlob(const Digest& digest);

  // The following are one try each (distribution spec, "Pushing blobs").
  // `from`: a repository of the same registry that may have the blob; empty: none.
  Result<UploadSession> BeginUpload(const Digest& mount, const std::string& from, Attempt& attempt);
  // The whole blob and its digest at once.
  Result<> PutUpload(const UploadSession& session, const Digest& digest, BodySource& bytes,
                     Attempt& attempt);
  // The next bytes. `session` is as the registry left it, also after an error.
  Result<> PatchUpload(UploadSession& session, BodySource& bytes, Attempt& attempt);
  // What the registry has of it; kNotFound: the session is gone.
  Result<> AskUpload(UploadSession& session, Attempt& attempt);
  // All bytes are there.
  Result<> FinishUpload(const UploadSession& session, const Digest& digest, Attempt& attempt);

  // Retried. kCorrupt: the registry names another digest than `digest`.
  Result<> PutManifest(const std::string& tag_or_digest, const std::string& bytes,
                       const std::string& media_type, const Digest& digest);

  // Another place that has the same blobs, to be asked for those that this one does not give.
  void set_fallback(RegistryClient* other) { fallback_ = other; }
  RegistryClient* fallback() const { return fallback_; }
  std::string Name() const { return registry_ + "/" + path_; }

  const RetryPolicy& retry() const { return retry_; }
  const CancelToken& cancel() const { return http_.cancel(); }
  std::string credential_warning() { return authorizer_.warning(); }

 private:
  Result<std::string> Root();     // "https://host/v2/"
  Result<std::string> BaseUrl();  // "https://host/v2/<path>"
  Result<HttpResponse> Exchange(HttpRequest request, const std::string& what,
                                BodyConsumer* consumer, Attempt& attempt);
  // Where an answer's Location leads; the old URL when there is none.
  Result<std::string> NextUrl(const std::string& url, const HttpResponse& response) const;
  Result<HttpResponse> RequestManifest(const std::string& method, const std::string& tag_or_digest);

  HttpClient& http_;
  const std::string registry_;
  const std::string path_;
  const RetryPolicy retry_;
  const RetryObserver observer_;
  const bool pushes_;
  Authorizer authorizer_;
  RegistryClient* fallback_ = nullptr;
  std::mutex mutex_;
  std::string root_;
};

// Where the API of a reference's domain is: registry-1.docker.io for docker.io.
std::string ApiHost(std::string_view domain);

}  // namespace hoy::oci
