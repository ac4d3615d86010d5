// What the light program never reaches: RunProgram has become hoy-image by then.

#include "cli/ops/manifest_verbs.h"

namespace hoy::cli {

Result<> RunManifestCreate(Context&, const ManifestCreateOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest create: not in this program");
}
Result<> RunManifestAdd(Context&, const ManifestAddOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest add: not in this program");
}
Result<> RunManifestAnnotate(Context&, const ManifestAnnotateOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest annotate: not in this program");
}
Result<> RunManifestRemove(Context&, const ManifestRemoveOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest remove: not in this program");
}
Result<> RunManifestInspect(Context&, const ManifestInspectOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest inspect: not in this program");
}
Result<> RunManifestPush(Context&, const ManifestPushOptions&) {
  return Fail(ErrorKind::kUnsupported, "manifest push: not in this program");
}

}  // namespace hoy::cli
