#pragma once
// Why a container did not start, as far as its own files can tell.
//
// The child reports {step, errno, subject}. The sentence is written here, from the container's root
// as it was to be (LayeredRoot), because the mount namespace that had it is gone by then.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/init/plan.h"
#include "core/rootfs/layered_root.h"
#include "core/rootfs/users.h"
#include "core/state/container_config.h"
#include "core/state/run_state.h"

namespace hoy::core {

// Errors have kind kStart, the failing step as stage, errno and subject as given, and often a hint.
//
//   step "exec": `subject` is the path given to execve(2); the file is read to say more:
//     ENOENT   missing (names nearby on PATH) | script's interpreter missing (CRLF) | ELF loader
//              missing
//     EACCES   a directory | not a regular file | no x bit | not for this user | noexec mount
//     ENOEXEC  empty | other architecture | no "#!" line | not a program
//   step "lookup": from FindExecutable; `subject` is the name.
//   any other: "<step> '<subject>': <errno>", with a hint where one cause is likely.
struct StartFailure {
  std::string step;
  int system_errno = 0;
  std::string subject;
};

// `root` may be null (nothing is read then). `user`: who was to run it; null: root.
Error ExplainStartFailure(LayeredRoot* root, const ProcessConfig& process, const ResolvedUser* user,
                          const StartFailure& failure);

// Where it is the part of a volume or an image that is to be mounted that could not be opened.
std::optional<Error> ExplainSubpath(const std::vector<Mount>& mounts, const StartFailure& failure);

// What the monitor failed at before there was a process (StartMessageKind::kSetup).
Error SetupFailure(const LogConfig& log, const StartMessage& message);

// Its process ended before its program ran, and the monitor has published how
// (StartMessageKind::kNeverRan).
Error KilledBeforeItRan(const ResourceLimits& limits, const StartMessage& message);
bool WasKilledBeforeItRan(const Error& error);

// 127: not found (ENOENT of exec or lookup). 126: found, but cannot be run. 125: anything else.
int StartExitCode(const Error& error);
// What is kept of it: now, with that code.
ExitRecord FailedStart(const Error& error);

}  // namespace hoy::core
