#include "oci/registry/auth_file.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "oci/image/codec.h"
#include "oci/image/manifest.h"
#include "oci/registry/base64.h"

namespace hoy::oci {
namespace {

using nlohmann::json;

std::string TextOf(const json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<Credential> ParseEntry(const std::string& key, const json& entry) {
  Credential credential;
  credential.identity_token = TextOf(entry, "identitytoken");
  credential.registry_token = TextOf(entry, "registrytoken");
  credential.username = TextOf(entry, "username");
  credential.password = TextOf(entry, "password");
  if (std::string auth = TextOf(entry, "auth"); !auth.empty()) {
    auto decoded = Base64Decode(auth);
    size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return Fail(ErrorKind::kCorrupt, "\"auth\" of '{}' is not base64 of user:password", key);
    }
    credential.username = decoded->substr(0, colon);
    credential.password = decoded->substr(colon + 1);
    // docker once padded passwords with NUL bytes.
    credential.password.resize(credential.password.find_last_not_of('\0') + 1);
  }
  if (credential.username == "<token>") {
    if (credential.identity_token.empty()) credential.identity_token = credential.password;
    credential.password.clear();
  }
  return credential;
}

Result<json> ParseObject(std::string_view text) {
  try {
    json document = ParseBoundedJson(text, kMaxDocumentBytes);
    if (!document.is_object()) return Fail(ErrorKind::kCorrupt, "not a JSON object");
    return document;
  } catch (const MalformedJson& malformed) {
    return Fail(ErrorKind::kCorrupt, "{}", malformed.reason);
  } catch (const json::exception&) {
    return Fail(ErrorKind::kCorrupt, "not valid JSON");
  }
}

}  // namespace

Credential MakeCredential(std::string username, std::string secret) {
  if (username == "<token>") {
    return {.username = std::move(username), .identity_token = std::move(secret)};
  }
  return {.username = std::move(username), .password = std::move(secret)};
}

static std::string NormalizeOnce(std::string_view key) {
  bool had_scheme = false;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      had_scheme = true;
    }
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  for (std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) key.remove_suffix(version.size());
  }
  size_t slash = key.find('/');
  std::string host = ToLower(key.substr(0, slash));
  std::string path(slash == std::string_view::npos || had_scheme ? "" : key.substr(slash));
  if (host == "index.docker.io" || host == "registry-1.docker.io") host = "docker.io";
  return host + path;
}

std::string NormalizeAuthKey(std::string_view key) {
  std::string last(key);
  while (true) {  // what is left may look like a longer spelling again: "reg.example/v1/v2"
    std::string next = NormalizeOnce(last);
    if (next == last) return next;
    last = std::move(next);
  }
}

const Credential* AuthFile::Find(std::string_view domain, std::string_view path) const {
  std::string key = fmt::format("{}/{}", ToLower(domain), path);
  while (true) {
    auto found = auths.find(key);
    if (found != auths.end() && !found->second.empty()) return &found->second;
    size_t slash = key.rfind('/');
    if (slash == std::string::npos) return nullptr;
    key.resize(slash);
  }
}

std::string AuthFile::HelperFor(std::string_view domain) const {
  auto found = cred_helpers.find(NormalizeAuthKey(domain));
  return found != cred_helpers.end() ? found->second : creds_store;
}

Result<AuthFile> ParseAuthFile(std::string_view text) {
  if (Trim(text).empty()) return AuthFile{};
  TRY(json document, ParseObject(text));
  AuthFile file;
  file.creds_store = TextOf(document, "credsStore");
  if (auto helpers = document.find("credHelpers");
      helpers != document.end() && helpers->is_object()) {
    for (const auto& [key, value] : helpers->items()) {
      if (value.is_string()) file.cred_helpers[NormalizeAuthKey(key)] = value.get<std::string>();
    }
  }
  auto auths = document.find("auths");
  if (auths == document.end() || auths->is_null()) return file;
  if (!auths->is_object()) return Fail(ErrorKind::kCorrupt, "\"auths\" is not an object");
  for (const auto& [key, entry] : auths->items()) {
    if (!entry.is_object()) continue;
    TRY(Credential credential, ParseEntry(key, entry));
    Credential& slot = file.auths[NormalizeAuthKey(key)];
    if (slot.empty()) slot = std::move(credential);
  }
  return file;
}

Result<Credential> ParseHelperAnswer(std::string_view text) {
  TRY(json document, ParseObject(text));
  Credential credential = MakeCredential(TextOf(document, "Username"), TextOf(document, "Secret"));
  if (credential.username.empty()) return Fail(ErrorKind::kCorrupt, "an answer without Username");
  return credential;
}

}  // namespace hoy::oci
