#pragma once
// The entries of a list that are neither here as images nor as blobs, brought here as blobs: for a
// target that cannot fetch them itself, as an archive.

#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/image_store.h"
#include "oci/registry/remote_image.h"

namespace hoy::oci {

// Where FetchEntries fetches from.
Result<std::set<std::string>> RegistriesOfEntries(const core::Layout& layout,
                                                  const StoredList& list);

// Adds to `fetched` what was not here before, also when it fails: it is the caller's to drop. An
// entry of unknown origin is left out. The errors of FetchManifest and FetchBlobs.
Result<> FetchEntries(const core::Layout& layout, const StoredList& list, const FindRemote& remote,
                      PullLease& lease, std::vector<Digest>& fetched, CancelToken& cancel);

}  // namespace hoy::oci
