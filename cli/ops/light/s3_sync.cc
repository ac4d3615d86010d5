// What the light program never reaches: RunProgram has become hoy-image by then.

#include "cli/ops/s3_sync.h"

namespace hoy::cli {

Result<> RunVolumeSync(Context&, const std::string&, SyncWay) {
  return Fail(ErrorKind::kUnsupported, "volume sync: not in this program");
}

}  // namespace hoy::cli
