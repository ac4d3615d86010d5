#include "oci/registry/login.h"

#include "oci/registry/registry_client.h"

namespace hoy::oci {

Result<std::string> ParseLoginKey(std::string_view registry) {
  std::string key = NormalizeAuthKey(registry);
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]/";
  if (key.empty() || key.starts_with('/') || key.starts_with('-') ||
      key.find_first_not_of(kAllowed) != std::string::npos) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("'{}' is not the name of a registry", registry))
                    .WithHint("name it as in an image: docker.io, registry.example.com:5000"));
  }
  return key;
}

Result<> VerifyCredential(const std::string& key, const Credential& credential,
                          const HttpOptions& http, const RetryPolicy& retry,
                          const CancelToken& cancel) {
  std::string registry = key.substr(0, key.find('/'));
  HttpClient client(http, cancel);
  CredentialOptions options{.creds = "", .authfile = "", .credential = credential};
  Result<> taken = RegistryClient(client, registry, "", options, retry, {}).Ping();
  if (taken) return {};
  Error error = std::move(taken).error();
  if (error.kind == ErrorKind::kUnauthorized) {
    error.hint =
        "check the user name, and the password or token; an account with two-factor "
        "authentication needs an access token";
  } else if (error.kind == ErrorKind::kNotFound) {
    error.kind = ErrorKind::kNetwork;
    error.message = fmt::format("'{}' answers, but not as a registry does", registry);
    error.hint = "check the name; it is that of a host, without a repository";
  }
  return Fail(std::move(error));
}

}  // namespace hoy::oci
