#include "cli/ui/exit_code.h"

namespace hoy::cli {

int ExitCodeOf(const Error& error, bool runs_command) {
  switch (error.kind) {
    case ErrorKind::kCancelled: return kExitInterrupted;
    case ErrorKind::kStart:
      // Only these stages speak about the command; every other one is hoy's own failure.
      if (error.stage != "exec" && error.stage != "lookup") return kExitFailed;
      if (error.system_errno == 0) return kExitFailed;
      return error.system_errno == ENOENT ? kExitNoSuchCommand : kExitCannotRun;
    case ErrorKind::kNotFound:
      // With an errno it is a file that hoy wanted, without one an object the user named.
      return runs_command || error.system_errno != 0 ? kExitFailed : kExitNoSuchObject;
    default: return kExitFailed;
  }
}

}  // namespace hoy::cli
