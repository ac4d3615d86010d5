#include "cli/ops/light/delegate.h"

#include <unistd.h>

#include <vector>

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
Result<std::string> RunPull(Context&, const PullOptions& options, ProgressMode) {
  return Fail(ErrorKind::kUnsupported, "pull '{}': not in this program", options.reference);
}

}  // namespace hoy::cli
