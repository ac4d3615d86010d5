#include "oci/trust/policy.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/base/text.h"
#include "core/sys/files.h"
#include "oci/registry/base64.h"
#include "oci/trust/strict_json.h"

namespace hoy::oci {
namespace {

constexpr size_t kMaxPolicyBytes = 4 << 20;

// containers-transports(5). Those that hoy has no images of are read, and never asked about.
constexpr auto kTransports = std::to_array<std::string_view>(
    {"atomic", "containers-storage", "dir", "docker", "docker-archive", "docker-daemon", "oci",
     "oci-archive", "ostree", "sif", "tarball"});

[[noreturn]] void Malformed(std::string reason) {
  throw MalformedJson{std::move(reason)};
}

Reference ToReference(const std::string& text, const std::string& what) {
  auto reference = Reference::Parse(text);
  if (!reference) Malformed(fmt::format("{}: {}", what, reference.error().message));
  return *std::move(reference);
}

// A registry's host, or a repository or a part of one, in its full form.
std::string Prefix(StrictObject& object, const char* key) {
  std::string text = object.RequiredText(key);
  if (text.find('/') == std::string::npos) {
    if (Reference::Parse(text + "/x") && text.find_first_of(".:") != std::string::npos) return text;
    if (text == "localhost") return text;
    Malformed(fmt::format("'{}' '{}' is neither a host nor a full repository", key, text));
  }
  auto reference = Reference::Parse(text);
  if (!reference || reference->ToString() != text || reference->Name() != text) {
    Malformed(fmt::format("'{}' '{}' is not a full repository without a tag", key, text));
  }
  return text;
}

SignedIdentity ReadIdentity(const Json& value) {
  using Kind = SignedIdentity::Kind;
  StrictObject object(value, "signedIdentity");
  SignedIdentity identity;
  const std::string type = object.RequiredText("type");
  if (type == "matchRepoDigestOrExact") {
    identity.kind = Kind::kMatchRepoDigestOrExact;
  } else if (type == "matchExact") {
    identity.kind = Kind::kMatchExact;
  } else if (type == "matchRepository") {
    identity.kind = Kind::kMatchRepository;
  } else if (type == "exactReference") {
    identity.kind = Kind::kExactReference;
    Reference reference = ToReference(object.RequiredText("dockerReference"), "dockerReference");
    identity.name = reference.ToString();
    if (identity.name == reference.Name()) Malformed("dockerReference has no tag and no digest");
  } else if (type == "exactRepository") {
    identity.kind = Kind::kExactRepository;
    identity.name = ToReference(object.RequiredText("dockerRepository"), "dockerRepository").Name();
  } else if (type == "remapIdentity") {
    identity.kind = Kind::kRemapIdentity;
    identity.name = Prefix(object, "prefix");
    identity.signed_prefix = Prefix(object, "signedPrefix");
  } else {
    Malformed(fmt::format("signedIdentity of the type '{}' is unknown", type));
  }
  object.ExpectNoOther();
  return identity;
}

std::vector<std::string> Texts(const Json& value, const char* key) {
  if (!value.is_array() || value.empty()) Malformed(fmt::format("'{}' is not a list", key));
  std::vector<std::string> texts;
  for (const Json& item : value) texts.push_back(StrictText(item, key));
  return texts;
}

std::string Decoded(const std::string& text, const char* key) {
  auto bytes = Base64Decode(text);
  if (!bytes || bytes->empty()) Malformed(fmt::format("'{}' is not base64", key));
  return *std::move(bytes);
}

// Exactly one source of keys.
void ReadKeys(StrictObject& object, PolicyRequirement& requirement, bool may_lack) {
  int sources = 0;
  if (const Json* path = object.Optional("keyPath")) {
    ++sources;
    requirement.key_paths.push_back(StrictText(*path, "keyPath"));
  }
  if (const Json* paths = object.Optional("keyPaths")) {
    ++sources;
    requirement.key_paths = Texts(*paths, "keyPaths");
  }
  if (const Json* data = object.Optional("keyData")) {
    ++sources;
    requirement.key_data.push_back(Decoded(StrictText(*data, "keyData"), "keyData"));
  }
  bool sigstore = requirement.kind == PolicyRequirement::Kind::kSigstoreSigned;
  if (const Json* list = sigstore ? object.Optional("keyDatas") : nullptr) {
    ++sources;
    for (const std::string& text : Texts(*list, "keyDatas")) {
      requirement.key_data.push_back(Decoded(text, "keyDatas"));
    }
  }
  if (sources == 1 || (sources == 0 && may_lack)) {
    bool empty = std::ranges::any_of(requirement.key_paths, &std::string::empty);
    if (!empty) return;
  }
  Malformed(fmt::format("{} wants exactly one of keyPath, keyPaths{} keyData{}", object.what(),
                        sigstore ? "," : " and", sigstore ? " and keyDatas" : ""));
}

PolicyRequirement ReadRequirement(const Json& value) {
  using Kind = PolicyRequirement::Kind;
  StrictObject probe(value, "a requirement");
  const std::string type = probe.RequiredText("type");
  StrictObject object(value, fmt::format("'{}'", type));
  object.Required("type");
  PolicyRequirement requirement;
  if (type == "insecureAcceptAnything") {
    requirement.kind = Kind::kAccept;
  } else if (type == "reject") {
    requirement.kind = Kind::kReject;
  } else if (type == "signedBy") {
    requirement.kind = Kind::kSignedBy;
    if (object.RequiredText("keyType") != "GPGKeys") Malformed("keyType is not 'GPGKeys'");
    ReadKeys(object, requirement, /*may_lack=*/false);
  } else if (type == "sigstoreSigned") {
    requirement.kind = Kind::kSigstoreSigned;
    for (const char* key : {"fulcio", "rekorPublicKeyPath", "rekorPublicKeyPaths",
                            "rekorPublicKeyData", "rekorPublicKeyDatas", "pki"}) {
      if (object.Optional(key) != nullptr) requirement.unsupported = key;
    }
    ReadKeys(object, requirement, /*may_lack=*/!requirement.unsupported.empty());
  } else {
    Malformed(fmt::format("the requirement '{}' is unknown", type));
  }
  if (requirement.kind == Kind::kSignedBy || requirement.kind == Kind::kSigstoreSigned) {
    if (const Json* identity = object.Optional("signedIdentity")) {
      requirement.identity = ReadIdentity(*identity);
    }
  }
  object.ExpectNoOther();
  return requirement;
}

PolicyRequirements ReadRequirements(const Json& value, const std::string& where) {
  if (!value.is_array()) Malformed(fmt::format("{} is not a list of requirements", where));
  if (value.empty()) Malformed(fmt::format("{} has no requirement", where));
  PolicyRequirements requirements;
  for (const Json& item : value) {
    try {
      requirements.push_back(ReadRequirement(item));
    } catch (const MalformedJson& malformed) {
      Malformed(fmt::format("{}: {}", where, malformed.reason));
    }
  }
  return requirements;
}

// A scope that can match nothing is a rule that its author believes in.
void CheckScope(const std::string& transport, const std::string& scope) {
  auto refuse = [&](std::string_view why) {
    Malformed(fmt::format("scope '{}' of transport '{}': {}", scope, transport, why));
  };
  if (scope.empty()) return;
  if (transport == "dir" || transport == "oci" || transport == "oci-archive") {
    if (!scope.starts_with('/')) refuse("it is not an absolute path");
    if (scope == "/") refuse("the whole transport is the scope \"\"");
    bool clean = !scope.ends_with('/');
    for (std::string_view part : Split(std::string_view(scope).substr(1), '/')) {
      clean = clean && !part.empty() && part != "." && part != "..";
    }
    if (!clean) refuse("it is not a clean path");
  }
  if (transport == "docker-archive") refuse("there are no scopes in it but \"\"");
  if (transport == "docker" || transport == "atomic") {
    size_t star = scope.find('*');
    bool wildcard = scope.starts_with("*.") && scope.find_first_of("*/:@", 1) == std::string::npos;
    if (star != std::string::npos && !wildcard) refuse("a wildcard is written *.example.com");
    if (scope.ends_with('/') || scope.find("://") != std::string::npos) {
      refuse("it is not the beginning of an image's name");
    }
  }
}

Policy ReadPolicy(const Json& document, const std::string& origin) {
  StrictObject object(document, "it");
  Policy policy{.fallback = {}, .transports = {}, .origin = origin};
  policy.fallback = ReadRequirements(object.Required("default"), "'default'");
  if (const Json* transports = object.Optional("transports")) {
    StrictObject known(*transports, "'transports'");
    for (std::string_view name : kTransports) {
      const Json* scopes = known.Optional(std::string(name).c_str());
      if (scopes == nullptr) continue;
      if (!scopes->is_object()) Malformed(fmt::format("transport '{}' is not an object", name));
      auto& rules = policy.transports[std::string(name)];
      for (const auto& [scope, requirements] : scopes->items()) {
        CheckScope(std::string(name), scope);
        rules[scope] = ReadRequirements(requirements,
                                        fmt::format("scope '{}' of transport '{}'", scope, name));
      }
    }
    known.ExpectNoOther();
  }
  object.ExpectNoOther();
  return policy;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Policy AcceptEverything() {
  return {.fallback = {{.kind = PolicyRequirement::Kind::kAccept}}, .transports = {}, .origin = {}};
}

}  // namespace

std::string_view ToString(PolicyRequirement::Kind kind) {
  switch (kind) {
    case PolicyRequirement::Kind::kAccept: return "insecureAcceptAnything";
    case PolicyRequirement::Kind::kReject: return "reject";
    case PolicyRequirement::Kind::kSignedBy: return "signedBy";
    case PolicyRequirement::Kind::kSigstoreSigned: return "sigstoreSigned";
  }
  return "";
}

Result<Policy> ParsePolicy(std::string_view bytes, const std::string& origin) {
  return DecodeStrictJson<Policy>(
      bytes, fmt::format("policy '{}'", origin), kMaxPolicyBytes,
      [&](const Json& document) -> Result<Policy> { return ReadPolicy(document, origin); });
}

Result<Policy> LoadPolicy(const std::string& named) {
  std::string path = named.empty() ? Environment("HOY_SIGNATURE_POLICY") : named;
  if (!path.empty()) {
    TRY_CONTEXT_SET(std::string text, core::ReadFile(path, kMaxPolicyBytes), "signature policy");
    return ParsePolicy(text, path);
  }
  std::string own = Environment("XDG_CONFIG_HOME");
  if (std::string home = Environment("HOME"); own.empty() && !home.empty()) own = home + "/.config";
  std::vector<std::string> paths = {"/etc/containers/policy.json"};
  if (!own.empty()) paths.insert(paths.begin(), own + "/containers/policy.json");
  for (const std::string& candidate : paths) {
    auto text = core::ReadFile(candidate, kMaxPolicyBytes);
    if (text) return ParsePolicy(*text, candidate);
    int code = text.error().system_errno;
    // One that is there and cannot be read might have forbidden the image.
    if (code != ENOENT && code != ENOTDIR) {
      return Fail(std::move(text).error().InContext("signature policy"));
    }
  }
  return AcceptEverything();
}

}  // namespace hoy::oci
