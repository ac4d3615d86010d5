#pragma once
// What is known about an unpacked layer without walking its files: layers/<chain id>/layer.json,
// written when the layer is made. `history`, `prune` and `save` read it.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "oci/image/digest.h"

namespace hoy::oci {

struct LayerInfo {
  Digest diff_id;
  int64_t tar_bytes = 0;   // length of the uncompressed tar
  int64_t file_bytes = 0;  // sum of the sizes of regular files (docker's layer size)
};

std::string EncodeLayerInfo(const LayerInfo& info);
Result<LayerInfo> DecodeLayerInfo(std::string_view bytes);  // kCorrupt

inline constexpr const char* kLayerInfoName = "layer.json";

// kNotFound (with ENOENT): the layer is not here, or was made by a hoy that wrote no such file.
Result<LayerInfo> ReadLayerInfo(const core::Layout& layout, const Digest& chain_id);

// LayerInfo::file_bytes, or where there is no such file, the files themselves added up.
uint64_t LayerFileBytes(const core::Layout& layout, const Digest& chain_id);

}  // namespace hoy::oci
