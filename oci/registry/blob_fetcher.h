#pragma once
// One blob from a registry into DATA/images/blobs/sha256, resumable and shared.
//
//   images/ingest/<hex>.partial   what has arrived, from the first byte on; flocked by the process
//                                 that downloads it
//   images/blobs/sha256/<hex>     complete: digest and size checked, synced, renamed here
//
// A process that finds the flock taken waits, and then uses the other's result or goes on from
// where it stopped. What a dead process left is hashed again before it is continued with a Range
// request, at the client's fallbacks (registry_client.h) where it fails; a prefix that turns out
// not to be this blob is thrown away and fetched once more.

#include <cstdint>
#include <functional>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/manifest.h"
#include "oci/registry/growing_file.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {

enum class FetchPhase {
  kResuming,     // hashing what was there already
  kDownloading,  // bytes arrive
  kWaiting,      // another process downloads it
  kRetrying,     // waiting before the next try
  kSyncing,      // all there and verified; going to disk
};

struct FetchProgress {
  FetchPhase phase;
  uint64_t done = 0;  // bytes of the blob that are there, in this or another process
  std::string note;   // kRetrying: why, and how long
};

using FetchObserver = std::function<void(const FetchProgress&)>;

// The one way in and out is `file`, which is finished or failed on return; its readers may follow
// from the start. kCorrupt: wrong digest or size (stage "verify-blob"); kCancelled; kSystem with
// ENOSPC and the like; and what RegistryClient::GetBlob says after the last retry.
Result<> FetchBlob(RegistryClient& client, const core::Layout& layout, const Descriptor& blob,
                   GrowingFile& file, const FetchObserver& observer);

}  // namespace hoy::oci
