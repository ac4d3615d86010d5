#pragma once
// The middle of a pull: blobs come in and layers are unpacked, in parallel.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/manifest.h"
#include "oci/layer/layer_store.h"
#include "oci/registry/progress.h"
#include "oci/registry/registry_client.h"

namespace hoy::oci {

struct LayerToPull {
  Descriptor blob;
  Digest diff_id;
  Digest chain_id;
  bool exists = false;      // in the layer store: it is not unpacked again
  bool proven = true;       // of one that exists: its blob is known to be that layer's
  bool wants_blob = false;  // of one that exists: its blob is not here, and is to be kept
};

struct LayerPullOptions {
  int downloads = 3;
  int unpackers = 2;
};

// Unpacked sizes, in bytes of file content, by layer; 0 for layers that exist.
using LayerSizes = std::vector<uint64_t>;

// Downloads what is missing of `layers` (bottom first), unpacks, verifies and commits it to the
// store. A layer that exists is only verified, where that was not proven before. Cancels `cancel`
// after a failure, so that the other threads stop. `report` is called from several threads, one at
// a time.
Result<LayerSizes> PullLayers(RegistryClient& client, const core::Layout& layout, LayerStore& store,
                              std::span<const LayerToPull> layers, const LayerPullOptions& options,
                              const std::function<void(const LayerProgress&)>& report,
                              CancelToken& cancel);

// What a layer's line shows before anything has happened to it.
LayerProgress InitialProgress(const LayerToPull& layer, size_t index);

}  // namespace hoy::oci
