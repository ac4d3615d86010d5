#pragma once
// A further process in a running container.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/engine/session.h"
#include "core/state/container_record.h"

namespace hoy::core {

struct ExecRequest {
  ProcessConfig process;  // args, env, cwd, user, terminal, stdin_open, capabilities ...
  bool detach = false;    // its streams are /dev/null, nobody waits for it, it outlives its client
  bool privileged = false;  // no seccomp filter
  std::vector<char> detach_keys;
};

// The process's own defaults in that container: its environment, user, directory, capabilities.
ProcessConfig DefaultExecProcess(const ContainerRecord& record);

// Joins all namespaces and the cgroup and runs it. With a session, returns its exit code (or 0 when
// the user detached; then the process goes on, and what it writes is discarded). It is killed when
// its client dies, unless `detach`: by the parent-death signal, and by a guard (exec_guard.h) on a
// terminal, where the user may detach, for a program that gains privileges, which loses that signal
// at its execve, and for every session that lasts, whose process may come to execute one.
// kConflict: the container does not run. kStart: as StartContainer.
Result<int> ExecInContainer(const Layout& layout, std::string_view id, const ExecRequest& request);

}  // namespace hoy::core
