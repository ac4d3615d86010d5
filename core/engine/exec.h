#pragma once
// A further process in a running container.

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/engine/exec_peer.h"
#include "core/engine/session.h"
#include "core/engine/spawn_monitor.h"
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

struct ExecStreams {
  Fd theirs[3];  // the process's ends
  ExecPeer::Descriptors ours;
};

// A process on its way into the container: it starts up and joins while its caller decides what it
// is to be. Ends by itself when this is destroyed.
struct JoiningProcess {
  Fd init;  // pidfd of the container's first process
  pid_t init_pid = 0;
  ExecStreams streams;
  SpawnedMonitor child;
  bool passes_fds = false;
};

struct JoinRequest {
  bool detach = false;
  bool terminal = false;
  bool stdin_open = false;
  std::vector<int> passed_fds;  // the process gets them as 3, 4, ...
};

// kConflict: the container does not run.
Result<JoiningProcess> JoinContainer(const Layout& layout, std::string_view id,
                                     const JoinRequest& request);

// With a process that has joined all namespaces and the cgroup, runs it. With a session, returns
// its exit code (or 0 when the user detached; then the process goes on, and what it writes is
// discarded). It is killed when its client dies, unless `detach`: by the parent-death signal, and
// by a guard (exec_guard.h) on a terminal, where the user may detach, for a program that gains
// privileges, which loses that signal at its execve, and for every session that lasts, whose
// process may come to execute one. kStart: as StartContainer.
Result<int> ExecInContainer(JoiningProcess joining, const ContainerRecord& record,
                            const ExecRequest& request);

}  // namespace hoy::core
