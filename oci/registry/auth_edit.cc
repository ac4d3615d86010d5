#include "oci/registry/auth_edit.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "oci/registry/base64.h"

namespace hoy::oci {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> Parse(std::string_view text) {
  if (Trim(text).empty()) return Json::object();
  TRY(ParseAuthFile(text));  // what could not be read back is not written, either
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

Json& Auths(Json& document) {
  Json& auths = document["auths"];
  if (!auths.is_object()) auths = Json::object();
  return auths;
}

bool Erase(Json& auths, std::string_view key) {
  std::vector<std::string> spellings;
  for (const auto& [name, value] : auths.items()) {
    if (NormalizeAuthKey(name) == key) spellings.push_back(name);
  }
  for (const std::string& name : spellings) auths.erase(name);
  return !spellings.empty();
}

std::string Text(const Json& document) {
  return document.dump(1, '\t', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<std::string> WithCredential(std::string_view json, std::string_view key,
                                   std::string_view name, const Credential& credential) {
  TRY(Json document, Parse(json));
  Json& auths = Auths(document);
  Erase(auths, key);
  Json entry = {{"auth", Base64Encode(credential.username + ":" + credential.password)}};
  if (!credential.identity_token.empty()) entry["identitytoken"] = credential.identity_token;
  auths[std::string(name)] = std::move(entry);
  return Text(document);
}

Result<std::optional<std::string>> WithoutCredential(std::string_view json, std::string_view key) {
  TRY(Json document, Parse(json));
  if (!Erase(Auths(document), key)) return std::nullopt;
  return Text(document);
}

Result<std::string> WithoutCredentials(std::string_view json) {
  TRY(Json document, Parse(json));
  document["auths"] = Json::object();
  return Text(document);
}

}  // namespace hoy::oci
