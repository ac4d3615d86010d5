#include "cli/ops/light/delegate.h"

#include <unistd.h>

#include <vector>

#include "cli/ops/archives.h"
#include "cli/ops/pull.h"
#include "core/engine/program_path.h"

namespace hoy::cli {

Error ExecImageProgram(std::span<char* const> argv) {
  auto path = core::LibexecProgram("hoy-image");
  if (!path) return std::move(path).error();
  std::vector<char*> arguments(argv.begin(), argv.end());
  arguments.push_back(nullptr);
  execve(path->c_str(), arguments.data(), environ);
  return SystemError("exec", *path);
}

// The heavy ops, which the light program never reaches: RunProgram has become hoy-image by then.
Result<std::vector<std::string>> RunPull(Context&, const PullOptions& options, ProgressMode) {
  return Fail(ErrorKind::kUnsupported, "pull '{}': not in this program", options.reference);
}

Result<> RunSave(Context&, const SaveOptions&) {
  return Fail(ErrorKind::kUnsupported, "save: not in this program");
}
Result<> RunLoad(Context&, const LoadOptions&) {
  return Fail(ErrorKind::kUnsupported, "load: not in this program");
}
Result<> RunImport(Context&, const ImportImageOptions&) {
  return Fail(ErrorKind::kUnsupported, "import: not in this program");
}
Result<> RunExport(Context&, const ExportOptions&) {
  return Fail(ErrorKind::kUnsupported, "export: not in this program");
}
Result<> RunVolumeExport(Context&, const VolumeArchiveOptions&) {
  return Fail(ErrorKind::kUnsupported, "volume export: not in this program");
}
Result<> RunVolumeImport(Context&, const VolumeArchiveOptions&) {
  return Fail(ErrorKind::kUnsupported, "volume import: not in this program");
}
Result<> RunCommit(Context&, const CommitOptions&) {
  return Fail(ErrorKind::kUnsupported, "commit: not in this program");
}
Result<> RunCopyFiles(Context&, const CopyFilesOptions&) {
  return Fail(ErrorKind::kUnsupported, "cp: not in this program");
}

}  // namespace hoy::cli
