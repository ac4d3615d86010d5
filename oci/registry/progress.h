#pragma once
// A pull or a push as it goes, as data. Calls come from several threads, but never two at once;
// they must return soon.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hoy::oci {

enum class LayerState {
  kWaiting,      // not begun
  kExists,       // this machine has it; in a push, the registry has it
  kShared,       // another process downloads it
  kDownloading,  // and unpacking what has arrived
  kRetrying,     // see `note`
  kUnpacking,    // all of it is here, not all is unpacked
  kDone,
  // A push's own:
  kFetching,   // its blob is not here any more: it comes from where the image came from
  kPacking,    // being compressed; `unpacked` counts bytes of the tar
  kUploading,  // `downloaded` counts
  kMounted,    // from another repository of the registry, named in `note`
  kPushed,
};

// Nothing more will happen to it.
bool IsFinished(LayerState state);
std::string_view ToString(LayerState state);  // "downloading"; stable, for --progress=json

struct LayerProgress {
  size_t index = 0;  // 0 is the bottom layer
  std::string id;    // 12 hex digits of the blob's digest
  LayerState state = LayerState::kWaiting;
  uint64_t total = 0;  // compressed bytes, like the next two
  uint64_t downloaded = 0;
  uint64_t unpacked = 0;
  std::string note;
};

struct PullHeader {
  std::string reference;              // familiar, with tag or digest: "busybox:latest"
  std::string tag;                    // the tag, or the digest when there is none
  std::string repository;             // "library/busybox", "localhost:5000/app"
  std::string digest;                 // what the registry answered for the reference: "sha256:..."
  std::string platform;               // "linux/amd64"
  std::vector<LayerProgress> layers;  // bottom first; empty when nothing is to be done
  bool push = false;
};

struct PullSummary {
  std::string reference;  // familiar
  std::string canonical;  // "docker.io/library/busybox:latest"
  std::string id;         // "sha256:..."
  std::string digest;
  bool changed = false;  // false: the image was up to date
  bool push = false;
  uint64_t manifest_bytes = 0;  // of a push, like the next
  std::string media_type = {};
};

class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void OnStart(const PullHeader& header) = 0;
  virtual void OnLayer(const LayerProgress& layer) = 0;
  virtual void OnNotice(std::string_view text) = 0;   // of the way there, as a retry: one line
  virtual void OnWarning(std::string_view text) = 0;  // of what comes of it: one line
  virtual void OnEnd(const PullSummary& summary) = 0;
  // The pull failed; what is on the screen is to be left tidy. The error itself is for the caller.
  virtual void OnFailure() = 0;
};

}  // namespace hoy::oci
