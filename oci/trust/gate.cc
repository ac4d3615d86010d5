#include "oci/trust/gate.h"

#include <fmt/core.h>

#include "core/sys/files.h"
#include "oci/registry/base64.h"
#include "oci/trust/openpgp.h"
#include "oci/trust/public_key.h"

namespace hoy::oci {
namespace {

constexpr size_t kMaxKeyBytes = 4 << 20;
using Kind = PolicyRequirement::Kind;

struct KeyFile {
  std::string name;  // the path, or "keyData"
  std::string bytes;
};

Result<std::vector<KeyFile>> ReadKeys(const PolicyRequirement& requirement) {
  std::vector<KeyFile> keys;
  for (const std::string& path : requirement.key_paths) {
    TRY_CONTEXT_SET(std::string bytes, core::ReadFile(path, kMaxKeyBytes), "key");
    keys.push_back({.name = path, .bytes = std::move(bytes)});
  }
  for (const std::string& bytes : requirement.key_data) {
    keys.push_back({.name = "keyData", .bytes = bytes});
  }
  return keys;
}

class Gate {
 public:
  Gate(const ImageIdentity& image, const Digest& manifest, SignatureSource& source)
      : image_(image), manifest_(manifest), source_(source) {}

  // Empty: met. Otherwise why not.
  Result<std::string> Refusal(const PolicyRequirement& requirement) {
    switch (requirement.kind) {
      case Kind::kAccept: return "";
      case Kind::kReject: return "it takes no image";
      case Kind::kSignedBy: return Signed(requirement, UntrustedSignature::Kind::kSimple);
      case Kind::kSigstoreSigned: return Signed(requirement, UntrustedSignature::Kind::kSigstore);
    }
    return "it is unknown";
  }

  const std::string& hint() const { return hint_; }

 private:
  Result<std::string> Signed(const PolicyRequirement& requirement, UntrustedSignature::Kind kind) {
    if (!requirement.unsupported.empty()) {
      return fmt::format("it asks for '{}', which hoy cannot check", requirement.unsupported);
    }
    TRY(std::vector<KeyFile> keys, ReadKeys(requirement));
    std::string keyring;
    if (kind == UntrustedSignature::Kind::kSimple) {
      for (const KeyFile& key : keys) {
        TRY_CONTEXT_SET(std::string packets, DearmorKeys(key.bytes), "key '{}'", key.name);
        keyring += packets;
      }
    }
    size_t seen = 0;
    std::string why;
    TRY(std::vector<UntrustedSignature> signatures, source_.Find(manifest_, kind));
    for (const UntrustedSignature& signature : signatures) {
      if (++seen > kMaxSignatures) return "the image has too many signatures";
      Result<SignedClaim> claim = kind == UntrustedSignature::Kind::kSimple
                                      ? VerifySimple(signature, keyring)
                                      : VerifySigstore(signature, keys);
      if (!claim && claim.error().kind != ErrorKind::kPermission) {
        return Fail(std::move(claim).error());
      }
      std::string reason = claim ? Mismatch(*claim, requirement.identity) : claim.error().message;
      if (reason.empty()) return "";
      why += fmt::format("{}signature {}: {}", why.empty() ? "" : "; ", seen, reason);
    }
    if (seen > 0) return why;
    hint_ = source_.HintForNone(kind);
    if (image_.of_list) {
      hint_ += fmt::format("{}a signature of the list does not count: each of its images is signed",
                           hint_.empty() ? "" : "; ");
    }
    return "the image has no signature";
  }

  static Result<SignedClaim> VerifySimple(const UntrustedSignature& signature,
                                          std::string_view keyring) {
    TRY(std::string text, VerifyOpenPgp(signature.bytes, keyring));
    return AsRefusal(ParseSimplePayload(text));
  }

  static Result<SignedClaim> VerifySigstore(const UntrustedSignature& signature,
                                            const std::vector<KeyFile>& keys) {
    auto bytes = Base64Decode(signature.signature);
    if (!bytes) return Fail(ErrorKind::kPermission, "it is not base64");
    for (const KeyFile& key : keys) {
      TRY_CONTEXT_SET(bool right, VerifyWithKey(key.bytes, signature.bytes, *bytes), "key '{}'",
                      key.name);
      if (right) return AsRefusal(ParseSigstorePayload(signature.bytes));
    }
    return Fail(ErrorKind::kPermission, "it is signed by another key");
  }

  // A signed text that makes no sense is no reason to stop looking.
  static Result<SignedClaim> AsRefusal(Result<SignedClaim> claim) {
    if (!claim) return Fail(std::move(claim).error().WithKind(ErrorKind::kPermission));
    return claim;
  }

  std::string Mismatch(const SignedClaim& claim, const SignedIdentity& identity) const {
    if (claim.manifest != manifest_) {
      return fmt::format("it is for another image, {}", claim.manifest.ToString());
    }
    const Reference* name = image_.reference ? &*image_.reference : nullptr;
    if (MatchesIdentity(identity, name, claim.reference)) return "";
    return fmt::format("it is for the name '{}'", claim.reference);
  }

  const ImageIdentity& image_;
  const Digest& manifest_;
  SignatureSource& source_;
  std::string hint_;
};

Error Rejection(const Policy& policy, const PolicyRule& rule, size_t index, std::string_view why) {
  const PolicyRequirement& requirement = (*rule.requirements)[index];
  std::string which = rule.requirements->size() == 1 ? std::string(ToString(requirement.kind))
                                                     : fmt::format("requirement {}, {}", index + 1,
                                                                   ToString(requirement.kind));
  Error error = MakeError(
      ErrorKind::kPermission,
      fmt::format("rejected by policy '{}', {} ({}): {}", policy.origin, rule.where, which, why));
  error.stage = "policy";
  return error;
}

}  // namespace

Result<> CheckImage(const Policy& policy, const ImageIdentity& image, const Digest& manifest,
                    SignatureSource& source) {
  PolicyRule rule = FindRule(policy, image);
  Gate gate(image, manifest, source);
  for (size_t i = 0; i < rule.requirements->size(); ++i) {
    TRY_CONTEXT_SET(std::string why, gate.Refusal((*rule.requirements)[i]),
                    "check the signatures that policy '{}' wants", policy.origin);
    if (!why.empty()) return Fail(Rejection(policy, rule, i, why).WithHint(gate.hint()));
  }
  return {};
}

Result<> CheckBeforeAsking(const Policy& policy, const ImageIdentity& image) {
  if (DecidesAlone(policy, image) != false) return {};
  NoSignatures none;
  return CheckImage(policy, image, Digest(), none);
}

std::optional<bool> DecidesAlone(const Policy& policy, const ImageIdentity& image) {
  bool accepts = true;
  for (const PolicyRequirement& requirement : *FindRule(policy, image).requirements) {
    if (requirement.kind == Kind::kReject) return false;
    accepts = accepts && requirement.kind == Kind::kAccept;
  }
  if (accepts) return true;
  return std::nullopt;
}

}  // namespace hoy::oci
