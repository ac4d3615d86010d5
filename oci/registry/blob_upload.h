#pragma once
// One blob to a registry, the cheapest way that works: mounted from another of its repositories;
// small ones in one request; larger ones in pieces, of which a broken one goes on where the
// registry says that it stopped.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/image/digest.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {

struct UploadProgress {
  uint64_t done = 0;  // bytes sent
  std::string note;   // not empty: waiting before the next try; why, and how long
};

struct BlobToUpload {
  Digest digest;
  uint64_t size = 0;
  std::string mount_from;            // a repository of the same registry that may have it; or empty
  std::function<Result<Fd>()> open;  // its bytes; called at most once, when they are needed
};

struct UploadOptions {
  uint64_t single_bytes = 8 << 20;  // up to here: one request for blob and digest
  uint64_t chunk_bytes = 0;         // of a larger one; 0: all that is left, in one stream
};

enum class UploadEnd { kMounted, kSent };

// The registry has verified the digest when this succeeds. `observer` is called by this thread.
Result<UploadEnd> UploadBlob(RegistryClient& client, const BlobToUpload& blob,
                             const UploadOptions& options,
                             const std::function<void(const UploadProgress&)>& observer);

}  // namespace hoy::oci
