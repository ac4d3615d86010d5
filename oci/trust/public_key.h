#pragma once
// The signatures that sigstore makes with a plain key: ECDSA and RSA (PKCS #1 v1.5) over SHA-256,
// and Ed25519.

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hoy::oci {

// `pem`: a public key (RFC 7468 "PUBLIC KEY"). True: `signature` is the key's, for `bytes`.
// kCorrupt: it is no such key.
Result<bool> VerifyWithKey(std::string_view pem, std::string_view bytes,
                           std::string_view signature);

}  // namespace hoy::oci
