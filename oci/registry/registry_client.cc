#include "oci/registry/registry_client.h"

#include <fmt/core.h>

#include "core/base/text.h"
#include "oci/image/manifest.h"
#include "oci/layer/sha256.h"

namespace hoy::oci {
namespace {

// "bytes 100-199/200" (RFC 9110 section 14.4) -> {100, 200}.
struct ContentRange {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
};
std::optional<ContentRange> ParseContentRange(std::string_view text) {
  if (!ToLower(text.substr(0, 6)).starts_with("bytes ")) return std::nullopt;
  auto [range, total] = CutAt(Trim(text.substr(6)), '/');
  auto [first, last] = CutAt(range, '-');
  auto start = ParseInteger<uint64_t>(first);
  auto end = last ? ParseInteger<uint64_t>(*last) : std::nullopt;
  if (!start || !end || *end < *start || *end == UINT64_MAX) return std::nullopt;
  return ContentRange{.start = *start, .end = *end + 1};
}

Error TransferFailure(std::string stage, std::string message) {
  Error error = MakeError(ErrorKind::kNetwork, std::move(message));
  error.stage = std::move(stage);
  return error;
}

class BlobConsumer : public BodyConsumer {
 public:
  BlobConsumer(uint64_t wanted, BlobReceiver& receiver) : wanted_(wanted), receiver_(receiver) {}

  Result<> OnHeaders(const HttpResponse& response) override {
    auto length = response.ContentLength();
    if (response.status != 206) return receiver_.Begin(0, length);
    auto range = ParseContentRange(response.Header("content-range"));
    if (!range || range->start != wanted_) {
      return Fail(TransferFailure("range", "the server sent another range than was asked for"));
    }
    return receiver_.Begin(range->start, range->end);
  }
  Result<> OnData(std::span<const std::byte> bytes) override { return receiver_.Data(bytes); }

 private:
  const uint64_t wanted_;
  BlobReceiver& receiver_;
};

}  // namespace

std::string ApiHost(std::string_view domain) {
  return domain == "docker.io" ? "registry-1.docker.io" : std::string(domain);
}

Error OfPart(Error error) {
  if (error.stage != "not-found") return error;
  error.kind = ErrorKind::kCorrupt;
  error.hint = "the image is damaged in the registry: a part of it is missing there";
  return error;
}

RegistryClient::RegistryClient(HttpClient& http, const Reference& repository,
                               CredentialOptions credentials, RetryPolicy retry,
                               RetryObserver observer, std::string actions)
    : RegistryClient(http, repository.domain(), repository.path(), std::move(credentials), retry,
                     std::move(observer), std::move(actions)) {}

RegistryClient::RegistryClient(HttpClient& http, std::string registry, std::string path,
                               CredentialOptions credentials, RetryPolicy retry,
                               RetryObserver observer, std::string actions)
    : http_(http),
      registry_(std::move(registry)),
      path_(std::move(path)),
      retry_(retry),
      observer_(std::move(observer)),
      pushes_(actions.find("push") != std::string::npos),
      authorizer_(http, registry_, path_, std::move(credentials),
                  CredentialEnvironment::Real(http.cancel()), std::move(actions)) {}

// HTTPS, except for an insecure registry that does not speak it.
Result<std::string> RegistryClient::Root() {
  std::lock_guard lock(mutex_);
  if (!root_.empty()) return root_;
  std::string host = ApiHost(registry_);
  std::string scheme = "https";
  std::string name = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  if (http_.IsInsecure(name)) {
    auto tls = http_.SpeaksTls(host);
    bool has_port = name.size() < host.size();
    if (!tls && (has_port || tls.error().stage != "connect")) return Fail(std::move(tls).error());
    if (!tls || !*tls) scheme = "http";
  }
  root_ = fmt::format("{}://{}/v2/", scheme, host);
  return root_;
}

Result<std::string> RegistryClient::BaseUrl() {
  TRY(std::string root, Root());
  return root + path_;
}

Result<> RegistryClient::Ping() {
  TRY(WithRetries(retry_, cancel(), observer_, [&](Attempt& attempt) -> Result<HttpResponse> {
    TRY(std::string root, Root());
    return Exchange({.url = root}, fmt::format("'{}'", registry_), nullptr, attempt);
  }));
  return {};
}

Result<HttpResponse> RegistryClient::GetDocument(const std::string& path, const std::string& what) {
  return WithRetries(retry_, cancel(), observer_, [&](Attempt& attempt) -> Result<HttpResponse> {
    TRY(std::string root, Root());
    TRY(std::string url, ResolveUrl(root, path));
    if (!SameOrigin(url, root)) {
      return Fail(ErrorKind::kCorrupt, "{}: the registry sends on to '{}'", what, url);
    }
    return Exchange({.url = url}, what, nullptr, attempt);
  });
}

Result<HttpResponse> RegistryClient::Exchange(HttpRequest request, const std::string& what,
                                              BodyConsumer* consumer, Attempt& attempt) {
  TRY(std::string root, Root());
  // An upload may be sent to another host, which is not to see who we are.
  const bool ours = SameOrigin(request.url, root);
  if (ours) {
    TRY(request.authorization, authorizer_.Current());
  }
  // At most three rounds: a challenge, a token that ran out on the way, a scope that was too small
  // (another thread's token; those that follow it have the scopes of all).
  for (int round = 0;; ++round) {
    TRY(HttpResponse response, http_.Send(request, consumer));
    if (response.status >= 200 && response.status <= 299) {
      if (request.method == "GET" && consumer == nullptr && IsWebPage(response)) {
        return Fail(WebPageError(what));
      }
      return response;
    }
    // Only the registry's own refusal can be answered, not that of a host it redirects to.
    bool own = ours && response.url == request.url;
    if (response.status == 401 && own && round < 2) {
      TRY(request.authorization, authorizer_.Answer(response, request.authorization));
      continue;
    }
    auto now = core::Now();
    if (response.status == 429 || response.status >= 500) {
      attempt.retry_after = RetryAfter(response, now);
    }
    RequestSubject subject{.registry = registry_,
                           .what = what,
                           .credentials_sent = authorizer_.has_credentials(),
                           .push = pushes_};
    Error error = StatusError(response, subject, now);
    if (std::string warning = authorizer_.warning();
        !warning.empty() && error.kind == ErrorKind::kUnauthorized) {
      error.hint = warning;
    }
    return Fail(std::move(error));
  }
}

Result<HttpResponse> RegistryClient::RequestManifest(const std::string& method,
                                                     const std::string& tag_or_digest) {
  return WithRetries(retry_, cancel(), observer_, [&](Attempt& attempt) -> Result<HttpResponse> {
    TRY(std::string base, BaseUrl());
    HttpRequest request{
        .method = method,
        .url = base + "/manifests/" + tag_or_digest,
        .headers = {fmt::format("Accept: {}", media_type::kAcceptManifests)},
    };
    bool is_digest = tag_or_digest.find(':') != std::string::npos;
    std::string what = fmt::format("manifest of '{}/{}{}{}'", registry_, path_,
                                   is_digest ? "@" : ":", tag_or_digest);
    return Exchange(std::move(request), what, nullptr, attempt);
  });
}

Result<ManifestAnswer> RegistryClient::GetManifest(const std::string& tag_or_digest) {
  TRY(HttpResponse response, RequestManifest("GET", tag_or_digest));
  ManifestAnswer answer{.bytes = std::move(response.body),
                        .media_type = std::string(response.Header("content-type"))};
  answer.digest = Sha256Of(answer.bytes);
  bool by_digest = tag_or_digest.find(':') != std::string::npos;
  std::string claimed =
      by_digest ? tag_or_digest : std::string(response.Header("docker-content-digest"));
  if (!claimed.empty() && claimed.starts_with("sha256:") && claimed != answer.digest.ToString()) {
    Error error = MakeError(ErrorKind::kCorrupt,
                            fmt::format("manifest of '{}/{}': the registry promised {} and sent {}",
                                        registry_, path_, claimed, answer.digest.ToString()));
    error.stage = "fetch-manifest";
    error.hint = "the registry or a proxy before it damages data";
    return Fail(std::move(error));
  }
  return answer;
}

Result<Digest> RegistryClient::HeadManifest(const std::string& tag_or_digest) {
  TRY(HttpResponse response, RequestManifest("HEAD", tag_or_digest));
  auto digest = Digest::Parse(response.Header("docker-content-digest"));
  return digest ? *digest : Digest();
}

Result<> RegistryClient::GetBlob(const Digest& digest, uint64_t offset, BlobReceiver& receiver,
                                 Attempt& attempt) {
  TRY(std::string base, BaseUrl());
  HttpRequest request{.url = base + "/blobs/" + digest.ToString()};
  if (offset > 0) request.headers.push_back(fmt::format("Range: bytes={}-", offset));
  BlobConsumer consumer(offset, receiver);
  auto answer =
      Exchange(std::move(request), fmt::format("blob '{}'", digest.ToString()), &consumer, attempt);
  if (answer) return {};
  return Fail(OfPart(std::move(answer).error()));
}

}  // namespace hoy::oci
