#pragma once
// The JSON of containers-auth.json(5) and of docker's config.json, and how their keys match.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hoy::oci {

struct Credential {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token, in place of a password
  std::string registry_token;  // a bearer token to send as it is

  bool empty() const {
    return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
  bool operator==(const Credential&) const = default;
};

struct AuthFile {
  std::map<std::string, Credential> auths;          // by NormalizeAuthKey
  std::map<std::string, std::string> cred_helpers;  // by NormalizeAuthKey; X of docker-credential-X
  std::string creds_store;                          // X for every other registry, or empty

  // The credential with the longest prefix of "DOMAIN/PATH", or nullptr. Empty entries, which
  // docker leaves beside a credsStore, do not count.
  const Credential* Find(std::string_view domain, std::string_view path) const;
  // The helper to ask about the domain, or empty.
  std::string HelperFor(std::string_view domain) const;
};

// kCorrupt: not JSON, or an `auth` that is not base64 of "user:password". Unknown members are fine.
Result<AuthFile> ParseAuthFile(std::string_view json);

// "https://index.docker.io/v1/" -> "docker.io", "https://reg.example/v2/" -> "reg.example",
// "quay.io/team/app" as it is.
std::string NormalizeAuthKey(std::string_view key);

// What a helper prints: {"ServerURL", "Username", "Secret"}. The user "<token>" means that the
// secret is an identity token (docker/docker-credential-helpers).
Result<Credential> ParseHelperAnswer(std::string_view json);

// A credential from a user name and secret, minding "<token>".
Credential MakeCredential(std::string username, std::string secret);

}  // namespace hoy::oci
