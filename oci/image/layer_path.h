#pragma once
// Where an unpacked layer lies. All that `run` needs to know of layers: mounting is core's job.

#include <string>
#include <vector>

#include "core/state/layout.h"
#include "oci/image/digest.h"

namespace hoy::oci {

// DATA/layers/<chain id hex>: exists only when the layer is complete (published by rename).
inline std::string LayerDirectory(const core::Layout& layout, const Digest& chain_id) {
  return layout.Layers() + "/" + chain_id.hex();
}

// The layer's files, in overlayfs form: whiteouts are character devices 0:0, opaque directories
// carry trusted.overlay.opaque=y. An overlay lowerdir.
inline std::string LayerFiles(const core::Layout& layout, const Digest& chain_id) {
  return LayerDirectory(layout, chain_id) + "/fs";
}

// `chain_ids` bottom first, as records and manifests have them; the result topmost first, as
// overlayfs takes lowerdirs.
inline std::vector<std::string> LowerDirectories(const core::Layout& layout,
                                                 const std::vector<Digest>& chain_ids) {
  std::vector<std::string> directories;
  directories.reserve(chain_ids.size());
  for (auto chain_id = chain_ids.rbegin(); chain_id != chain_ids.rend(); ++chain_id) {
    directories.push_back(LayerFiles(layout, *chain_id));
  }
  return directories;
}

}  // namespace hoy::oci
