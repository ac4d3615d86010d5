#pragma once
// A command in a container that runs: exec, and run --ensure.

#include <optional>
#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/result.h"

namespace hoy::cli {

// As typed.
struct ExecOptions {
  std::vector<std::string> command;
  bool detach = false;
  bool interactive = false;
  bool tty = false;
  std::vector<std::string> env;
  std::vector<std::string> env_file;
  std::string user;
  std::string workdir;  // absolute
  std::string preserve_fds;
  bool privileged = false;
  std::optional<std::string> detach_keys;
  std::optional<int64_t> timeout;  // nanoseconds
};

// The container's environment, TERM for a terminal, --env-file, -e.
Result<std::vector<std::string>> ExecEnvironment(const ExecOptions& options,
                                                 const std::vector<std::string>& container);

// The command's exit code, or 0 when it was detached. kConflict: the container does not run, or is
// paused.
Result<int> ExecCommandIn(Context& context, const std::string& id, const ExecOptions& options);

}  // namespace hoy::cli
