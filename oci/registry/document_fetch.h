#pragma once
// A small blob, kept in memory: a config, a signature.

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {

// Retried, and asked of the client's fallbacks. kCorrupt: longer than `size`, or (stage
// "verify-blob") of another digest. `what` names it in the error: "config".
Result<std::string> FetchDocument(RegistryClient& client, const Digest& digest, int64_t size,
                                  std::string_view what);

}  // namespace hoy::oci
