#pragma once
// The rows of `hoy history`: how an image was made, newest step first, as docker prints it.

#include <cstdint>
#include <vector>

#include "cli/ui/template.h"
#include "core/sys/clock.h"
#include "oci/image/image_config.h"

namespace hoy::cli {

struct HistoryRequest {
  bool no_trunc = false;
  bool human = true;  // sizes and ages in words; otherwise bytes and times
  core::Timestamp now = 0;
};

// `layer_bytes`, bottom first, go to the steps that made a layer; layers beyond the history (some
// builders write none) get rows of their own.
std::vector<Json> HistoryRows(const oci::Digest& image, const std::vector<oci::HistoryEntry>& steps,
                              const std::vector<uint64_t>& layer_bytes,
                              const HistoryRequest& request);

}  // namespace hoy::cli
