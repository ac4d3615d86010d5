#pragma once
// HTTP exchanges over libcurl (docs: curl.se/libcurl/c). Connections are kept and reused; any
// number of threads may send at once, each on a connection of its own.
//
// Errors by stage: "connect" (name, route, refused), "tls" (certificate, handshake), "transfer"
// (broken or stalled midway), "redirect"; kinds kNetwork, kTimeout, kCancelled. A status is never
// an error here: see status_error.h.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "oci/registry/cancel.h"
#include "oci/registry/url.h"

namespace hoy::oci {

// What a request sends, in pieces, when it is too large for a string.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual uint64_t size() const = 0;
  // The next Read starts there: a redirect or another try may want the body again.
  virtual Result<> Seek(uint64_t offset) = 0;
  // Fills some of `buffer`; exactly size() bytes are asked for.
  virtual Result<size_t> Read(std::span<std::byte> buffer) = 0;
};

// Who signs a request by AWS Signature Version 4, for the service "s3" (libcurl does it). Path and
// query are signed as they are in the URL, so they are to be in canonical form there.
struct AwsSigner {
  std::string region;
  std::string key_id;
  std::string secret;
};

struct HttpRequest {
  std::string method = "GET";  // GET, HEAD, POST, PUT, PATCH or DELETE
  std::string url;
  std::vector<std::string> headers;   // "Name: value"
  std::string authorization;          // value of Authorization; stays with the URL's own origin
  std::string body;                   // of a POST or PUT
  BodySource* upload = nullptr;       // of a PUT or PATCH, in place of `body`
  const AwsSigner* signer = nullptr;  // then redirects are answers: others get no signed request
  std::chrono::seconds stall{0};  // no byte for so long: kTimeout; 0: HttpOptions::stall_timeout
};

struct HttpResponse {
  int status = 0;
  std::string url;                                           // after redirects
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;  // when no consumer took it; at most kBodyLimit

  // First value of that (lower-case) name, or "".
  std::string_view Header(std::string_view name) const;
  std::optional<uint64_t> ContentLength() const;
};

// Takes the body of a 2xx answer while it arrives. An error ends the exchange and is its result.
class BodyConsumer {
 public:
  virtual ~BodyConsumer() = default;
  virtual Result<> OnHeaders(const HttpResponse& response) = 0;
  virtual Result<> OnData(std::span<const std::byte> bytes) = 0;
};

struct HttpOptions {
  // --tls-verify. Not given: certificates are verified except on loopback, as docker does.
  std::optional<bool> tls_verify;
  std::string cert_dir;  // --cert-dir: *.crt, *.cert + *.key; replaces certs.d for every host
  std::chrono::milliseconds connect_timeout{20'000};  // to the end of the TLS handshake
  std::chrono::seconds stall_timeout{30};             // no byte for so long: kTimeout
  std::string user_agent = "hoy/" HOY_VERSION;
};

class HttpClient {
 public:
  static constexpr size_t kBodyLimit = 8 << 20;  // manifests are at most 4 MiB by the spec

  // `cancel` must outlive the client.
  HttpClient(HttpOptions options, const CancelToken& cancel);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // One exchange, following up to 10 redirects. Authorization is not sent to another origin
  // (scheme, host and port), nor is HttpRequest::body; and https is not left for http unless the
  // host is insecure. Stage "redirect" where that would be needed.
  Result<HttpResponse> Send(const HttpRequest& request, BodyConsumer* consumer = nullptr);

  // Whether TLS answers on https://HOST[:PORT]; sends no request. kNetwork when nothing listens.
  Result<bool> SpeaksTls(const std::string& host_port);

  // Certificates of this host are not verified, and plain HTTP to it is acceptable.
  bool IsInsecure(std::string_view host) const;

  const CancelToken& cancel() const { return cancel_; }

 private:
  class Connection;
  struct Pool;
  class Lease;

  Result<HttpResponse> SendOnce(const HttpRequest& request, BodyConsumer* consumer);

  HttpOptions options_;
  const CancelToken& cancel_;
  std::unique_ptr<Pool> pool_;
};

}  // namespace hoy::oci
