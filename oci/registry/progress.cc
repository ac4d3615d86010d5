#include "oci/registry/progress.h"

namespace hoy::oci {

bool IsFinished(LayerState state) {
  return state == LayerState::kExists || state == LayerState::kDone ||
         state == LayerState::kMounted || state == LayerState::kPushed;
}

std::string_view ToString(LayerState state) {
  switch (state) {
    case LayerState::kWaiting: return "waiting";
    case LayerState::kExists: return "exists";
    case LayerState::kShared: return "shared";
    case LayerState::kDownloading: return "downloading";
    case LayerState::kRetrying: return "retrying";
    case LayerState::kUnpacking: return "unpacking";
    case LayerState::kDone: return "done";
    case LayerState::kFetching: return "fetching";
    case LayerState::kPacking: return "compressing";
    case LayerState::kUploading: return "uploading";
    case LayerState::kMounted: return "mounted";
    case LayerState::kPushed: return "pushed";
  }
  return "";
}

}  // namespace hoy::oci
