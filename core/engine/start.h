#pragma once
// Starts a container that exists and does not run.

#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/sys/process.h"

namespace hoy::core {

enum class StartReason {
  kPerson,         // the count of restarts begins again
  kRestore,        // so it does after a boot; but nobody is there to end what hangs
  kRestartPolicy,  // by the container's restarter; kConflict when the restart was called off
};

struct StartRequest {
  StartReason reason = StartReason::kPerson;
  BorrowedFd attach = -1;  // the monitor's end of an attach socket, or -1: detached
  uint16_t rows = 0;       // the client's window
  uint16_t columns = 0;
  // For this run alone: descriptors of ours that the process gets as 3, 4, ..., variables that
  // replace its own of the same name ("NAME=value"), and mounts.
  std::vector<int> passed_fds;
  std::vector<std::string> env;
  std::vector<Mount> mounts;  // besides its own
};

struct StartedContainer {
  pid_t pid = 0;           // of the init, on the host
  uint64_t log_place = 0;  // what it writes lies behind it in its log
  ChildProcess monitor;    // released by the caller unless it stays to see the end
  std::vector<std::string> warnings;
};

// Under the container's lock: look up user and program in the root, make run directory, etc files
// and cgroup, spawn the monitor, hear how it went. On failure all of that is undone, the reason is
// kept in the exit record, and the Error is of kind kStart where the container itself is to blame.
// One whose process was killed before its program ran has run and ended, for all but the caller.
// kConflict: its state forbids it (Verb::kStart), or it runs already (RunsAlready).
Result<StartedContainer> StartContainer(const Layout& layout, const ContainerRecord& record,
                                        const StartRequest& request);
// Of StartContainer's errors: what was wanted of it holds, by somebody else's doing.
bool RunsAlready(const Error& error);

// What StartContainer would do, in words (--explain).
Result<std::string> ExplainStart(const Layout& layout, const ContainerRecord& record);

}  // namespace hoy::core
