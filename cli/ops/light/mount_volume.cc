// What the light program never reaches: RunProgram has become hoy-image by then.

#include "cli/ops/mount_volume.h"

namespace hoy::cli {

Result<> RunMountVolume(Context&, const std::string&, size_t) {
  return Fail(ErrorKind::kUnsupported, "mount a volume: not in this program");
}

}  // namespace hoy::cli
