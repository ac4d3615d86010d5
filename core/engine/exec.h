#pragma once
// A further process in a running container.

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/engine/exec_peer.h"
#include "core/engine/exec_sessions.h"
#include "core/engine/session.h"
#include "core/engine/spawn_monitor.h"
#include "core/engine/wait.h"
#include "core/state/container_record.h"

namespace hoy::core {

struct ExecRequest {
  ProcessConfig process;    // args, env, cwd, user, terminal, stdin_open, capabilities ...
  bool detach = false;      // nobody waits for it, it outlives its client
  bool privileged = false;  // no seccomp filter
  bool is_probe = false;    // of its health: no events
  std::vector<char> detach_keys;
  // SessionOptions: what we leave ends.
  std::function<void(SignalEffect effect, int signal, int more)> deaf;
};

// The process's own defaults in that container: its environment, user, directory, capabilities.
Result<ProcessConfig> DefaultExecProcess(const Layout& layout, const ContainerRecord& record);

struct ExecStreams {
  Fd theirs[3];  // the process's ends
  ExecPeer::Descriptors ours;
};

// A process on its way into the container: it starts up and joins while its caller decides what it
// is to be. Ends by itself when this is destroyed.
struct JoiningProcess {
  std::string container;
  Fd init;  // pidfd of the container's first process
  pid_t init_pid = 0;
  CgroupLocation cgroup;  // the container's
  ExecStreams streams;
  Fd guard;  // our end of its socket (core/monitor/exec_guard.h)
  SpawnedMonitor child;
  ExecPlace place;
  bool passes_fds = false;
};

struct JoinRequest {
  bool detach = false;
  bool terminal = false;
  bool stdin_open = false;
  int64_t timeout_ms = 0;       // the session is killed after this, exit code 124; 0: never
  std::vector<int> passed_fds;  // the process gets them as 3, 4, ...
};

// kConflict: the container does not run, or is paused.
Result<JoiningProcess> JoinContainer(const Layout& layout, std::string_view id,
                                     const JoinRequest& request);

// The event of a session's end. Its client records it or, when it was detached, its guard has it
// recorded.
void RecordExecDie(const Layout& layout, const ContainerSummary& container,
                   const std::string& session, int exit_code);

// Makes of the process, which has joined all namespaces and the cgroup by then, the program that is
// wanted, and returns its pidfd once that runs. `joining` keeps what the session needs: the streams
// and the guard, without which it is killed. kStart: as StartContainer. kTimeout: the program did
// not run by `deadline`, or in the session's own time: what is in the container may stop a process
// before, or hold up its exec.
Result<Fd> RunJoined(const Layout& layout, JoiningProcess& joining, const ContainerRecord& record,
                     const ExecRequest& request, const Deadline& deadline = Deadline(-1));

// With a process that has joined all namespaces and the cgroup, runs it. Returns its exit code, or
// 0 when it was detached, by `detach` or by the user's keys: then it goes on, and what it writes to
// its terminal is discarded. Otherwise its guard kills the whole session when its client dies.
// kStart: as StartContainer.
Result<int> ExecInContainer(const Layout& layout, JoiningProcess joining,
                            const ContainerRecord& record, const ExecRequest& request);

}  // namespace hoy::core
