#include "oci/registry/progress.h"

namespace hoy::oci {

std::string_view ToString(LayerState state) {
  switch (state) {
    case LayerState::kWaiting: return "waiting";
    case LayerState::kExists: return "exists";
    case LayerState::kShared: return "shared";
    case LayerState::kDownloading: return "downloading";
    case LayerState::kRetrying: return "retrying";
    case LayerState::kUnpacking: return "unpacking";
    case LayerState::kDone: return "done";
  }
  return "";
}

}  // namespace hoy::oci
