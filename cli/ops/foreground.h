#pragma once
// A container in the foreground: attached to, seen to its end, cleaned up.

#include "cli/ops/exit_report.h"
#include "cli/ops/passed_fds.h"
#include "cli/ui/context.h"
#include "core/base/result.h"
#include "core/engine/attach.h"
#include "core/state/container_record.h"

namespace hoy::cli {

struct ForegroundOptions {
  bool interactive = false;
  core::ShownStreams shown;
  bool proxy_signals = true;
  PassedFds* passed = nullptr;
  std::optional<std::string> detach_keys;
  bool notifies = false;  // sd_notify.h
  ReportTarget report;    // where the report goes that is the client's to write
  bool timing = false;    // show the marks of the start
};

// Starts the container and stays with it. Returns its exit code, or 0 when the user detached.
// Where neither of its streams is shown, the id is printed instead, and when our stdin has been
// passed on that is all: 0, and the container goes on. So does docker.
Result<int> RunInForeground(Context& context, const core::ContainerRecord& record,
                            const ForegroundOptions& options);

// Joins one that runs already. The same exit codes; kConflict: it does not run. When nobody reads
// our stdout any more, we end as SIGPIPE would end us, and the container goes on.
Result<int> AttachInForeground(Context& context, const core::ContainerRecord& record,
                               const ForegroundOptions& options);

}  // namespace hoy::cli
