#pragma once
// What a registry's refusal means to a person: distribution-spec "Error codes", RFC 9110 section
// 15, RFC 6585 (429), and the RateLimit headers that Docker Hub sends.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/sys/clock.h"
#include "oci/registry/http.h"

namespace hoy::oci {

struct RequestSubject {
  std::string registry;  // as the user names it: "docker.io", "localhost:5000"
  std::string what;      // "manifest of 'docker.io/library/x:1'", "blob 'sha256:...'"
  bool credentials_sent = false;
  bool push = false;
};

// The error for a status outside 2xx. Stage "unauthorized", "denied", "not-found", "rate-limit",
// "range" (416), "server" or "status"; kinds kUnauthorized, kNotFound, kNetwork.
Error StatusError(const HttpResponse& response, const RequestSubject& subject,
                  core::Timestamp now = core::Now());

// An answer that is HTML was not a registry's: a proxy's page, a login form, another server.
bool IsWebPage(const HttpResponse& response);
Error WebPageError(const std::string& what);

// Retry-After (seconds or an HTTP date) or RateLimit-Reset (seconds), from now on; nullopt: neither
// was sent or can be read.
std::optional<std::chrono::seconds> RetryAfter(const HttpResponse& response, core::Timestamp now);

// "code: message" of the answer's JSON error document, else "".
std::string ErrorDetail(std::string_view body);

}  // namespace hoy::oci
