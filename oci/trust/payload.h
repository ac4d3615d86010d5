#pragma once
// What a signature says, once it has been verified: which manifest, under which name.
// containers-signature(5), and the same document as cosign writes it (sigstore/cosign
// specs/SIGNATURE_SPEC.md). Strict: in "critical" nothing may be unknown.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "oci/image/digest.h"

namespace hoy::oci {

inline constexpr size_t kMaxSignatureBytes = 4 << 20;
inline constexpr size_t kMaxSignatures = 128;  // of one image

struct SignedClaim {
  Digest manifest;
  std::string reference;  // as written: "docker.io/library/busybox:1"
};

// kCorrupt.
Result<SignedClaim> ParseSimplePayload(std::string_view bytes);
Result<SignedClaim> ParseSigstorePayload(std::string_view bytes);

// A signature that is kept beside an image; nothing of it is to be believed yet.
struct UntrustedSignature {
  enum class Kind { kSimple, kSigstore };
  Kind kind = Kind::kSimple;
  std::string bytes;      // kSimple: the signed OpenPGP message; kSigstore: the payload
  std::string signature;  // kSigstore: base64, of the payload
};

inline constexpr std::string_view kSigstorePayloadType =
    "application/vnd.dev.cosign.simplesigning.v1+json";
inline constexpr const char* kSigstoreAnnotation = "dev.cosignproject.cosign/signature";

// The attachments of an image: the layers of the manifest that the registry has as the tag
// sha256-<hex>.sig. Layers of other kinds are left out. kCorrupt.
struct SigstoreAttachment {
  Digest payload;
  int64_t size = 0;
  std::string signature;  // base64
};
Result<std::vector<SigstoreAttachment>> ParseAttachments(std::string_view manifest);

// A signature-<n> file of a dir: image: a plain message, or NUL "sigstore-json" LF and JSON.
Result<UntrustedSignature> ParseSignatureFile(std::string_view bytes);

}  // namespace hoy::oci
