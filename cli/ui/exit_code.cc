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
      // With an errno it is a file that hoy wanted, and a bucket is a server's; else it is an
      // object that the user named.
      if (error.system_errno != 0 || error.stage == "no-bucket") return kExitFailed;
      return runs_command ? kExitFailed : kExitNoSuchObject;
    default: return kExitFailed;
  }
}

}  // namespace hoy::cli
