#pragma once
// Whether an image is let in: the rule of policy.h, and the signatures that it asks for.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/trust/payload.h"
#include "oci/trust/policy.h"

namespace hoy::oci {

// Where an image's signatures are kept. Asked only when a rule wants some.
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
// made of. `manifest`: the image's own. As in containers/image, a signature of a list does not
// vouch for the images in it: each entry of a list is signed by itself, under the name of the list.
// Archives of a file system (import) have no manifest.
//
// kPermission, stage "policy": rejected; the message names file, rule and requirement. kCorrupt: a
// key cannot be read. Errors of `source` and of gpgv (kUnsupported) as they are: what could not be
// checked is not accepted.
Result<> CheckImage(const Policy& policy, const ImageIdentity& image, const Digest& manifest,
                    SignatureSource& source);

// What is rejected whoever signed it is not even asked for.
Result<> CheckBeforeAsking(const Policy& policy, const ImageIdentity& image);

// Whether the rule accepts or rejects without a look at the image; nullopt: it wants signatures.
std::optional<bool> DecidesAlone(const Policy& policy, const ImageIdentity& image);

}  // namespace hoy::oci
