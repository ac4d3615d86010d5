#pragma once
// Whether an image is let in: the rule of policy.h, and the signatures that it asks for.

#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/trust/payload.h"
#include "oci/trust/policy.h"

namespace hoy::oci {

// Where an image's signatures are kept. Asked only when a rule wants some, and once per manifest.
class SignatureSource {
 public:
  virtual ~SignatureSource() = default;
  virtual Result<std::vector<UntrustedSignature>> Find(const Digest& manifest,
                                                       UntrustedSignature::Kind kind) = 0;
  // What to say when there are none, or "".
  virtual std::string HintForNone(UntrustedSignature::Kind kind) const {
    (void)kind;
    return "";
  }
};

// For images that can have none.
class NoSignatures final : public SignatureSource {
 public:
  Result<std::vector<UntrustedSignature>> Find(const Digest&, UntrustedSignature::Kind) override {
    return std::vector<UntrustedSignature>{};
  }
};

// Before any byte but the manifests has been taken: nothing asks to keep what a rejected image is
// made of. `manifests`: the image's manifest, then the indexes that led to it; a signature of any
// of them vouches for the image, since each names the next by digest.
//
// kPermission, stage "policy": rejected; the message names file, rule and requirement. kCorrupt: a
// key cannot be read. Errors of `source` and of gpgv (kUnsupported) as they are: what could not be
// checked is not accepted.
Result<> CheckImage(const Policy& policy, const ImageIdentity& image,
                    std::span<const Digest> manifests, SignatureSource& source);

// Whether the rule accepts or rejects without a look at the image; nullopt: it wants signatures.
std::optional<bool> DecidesAlone(const Policy& policy, const ImageIdentity& image);

}  // namespace hoy::oci
