#pragma once
// Answers a registry's challenges for one repository: Basic (RFC 7617), and Bearer tokens from the
// token server it names (distribution spec, "Token Authentication" and "OAuth2 Token
// Authentication"). Threads share one token.

#include <chrono>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "core/base/result.h"
#include "oci/registry/challenge.h"
#include "oci/registry/credentials.h"
#include "oci/registry/http.h"

namespace hoy::oci {

class Authorizer {
 public:
  // `actions` ("pull", "pull,push") is what tokens are asked for, besides what challenges name: a
  // token then serves all that is to come. `http` must outlive this. An empty `path` asks for the
  // registry itself, as a login does.
  Authorizer(HttpClient& http, std::string registry, std::string path, CredentialOptions options,
             CredentialEnvironment environment, std::string actions = "pull");

  // The value of Authorization to send now; empty before the first challenge. A token that has run
  // out is renewed first.
  Result<std::string> Current();

  // After a 401 to a request that sent `used`: a value worth another try. Credentials are looked up
  // only here, so that what needs none starts no helper. kUnauthorized: nothing more to try.
  Result<std::string> Answer(const HttpResponse& refusal, const std::string& used);

  bool has_credentials();
  // Why credentials that the user has set up could not be used, or "".
  std::string warning();

 private:
  struct Token {
    std::string text;
    std::chrono::seconds lifetime;
  };

  std::string Name() const;
  Result<> LoadCredential();
  Result<> FetchToken();
  Result<Token> RequestToken();

  HttpClient& http_;
  const std::string registry_;
  const std::string path_;
  const CredentialOptions options_;
  const CredentialEnvironment environment_;
  const std::string actions_;

  std::mutex mutex_;  // held while a token is fetched: the others would fetch the same
  std::optional<CredentialLookup> lookup_;
  Challenge challenge_;           // the bearer challenge to renew with; empty scheme: none
  std::set<std::string> scopes_;  // all that were ever asked for: threads share one token
  std::string registry_scheme_;
  std::string value_;
  std::chrono::steady_clock::time_point expiry_ = std::chrono::steady_clock::time_point::max();
};

// {"token" or "access_token", "expires_in"}: 60 seconds when not said, as the specification has it.
struct TokenAnswer {
  std::string token;
  std::chrono::seconds lifetime{60};
};
Result<TokenAnswer> ParseTokenAnswer(std::string_view json);

std::string PercentEncode(std::string_view text);  // all but RFC 3986's unreserved

}  // namespace hoy::oci
