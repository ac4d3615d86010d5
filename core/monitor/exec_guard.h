#pragma once
// What holds a session of `hoy exec` together: a hoy-monitor that stays in the host's namespaces
// and cgroups, where the container cannot get at it, and is the parent of the session's process.
//
//   hoy --spawns--> guard --clone--> helper: joins the container's cgroup and namespaces, makes all
//                     |                |     ready up to execve, and ends
//                     |                '--clone(CLONE_PARENT)--> the process, in the container's
//                     '----------------------------------------- PID namespace
//
// The process is the first that the container sees of it (plan.h, kFork): who may trace it
// there gets nothing that the program would not have.
//
// From the clone on the guard does what the table says. "The session" is the process and its cgroup
// (core/cgroup/leaf.h), where it has one.
//   | the client                 | the guard                                                      |
//   |----------------------------|----------------------------------------------------------------|
//   | dies: end-of-file          | kills the session                                              |
//   | says kDetach               | goes on; what comes from the terminal is read to nowhere       |
//   | waits                      | says kForked when there is a process, which never has this     |
//   |                            | socket: what comes there is the guard's own word               |
//   |                            | says kEnded when the process has ended, and takes no kDetach   |
//   |                            | from then on: EPIPE                                            |
//   |                            | kills the session, or the helper, when its time has run out;   |
//   |                            | says kEnded then, also of one that does not die (a frozen one) |
// When the process has ended, the guard reaps it and takes the session's record and cgroup away. Of
// one that was detached nobody else hears: the guard becomes the program that tells of its end.
// Its children that live on without having been killed keep the cgroup: they are the container's
// now, and core/engine/exec_sessions.h removes it later.

#include <cstdint>

#include "core/init/interpreter.h"
#include "core/init/plan_view.h"

namespace hoy::core {

// Packets on MonitorFd kAttachFd.
enum class GuardMessageKind : uint32_t {
  kDetach,  // client -> guard; the pty's master comes along, where there is one
  kForked,  // guard -> client, once; the process's pidfd comes along
  kEnded,   // guard -> client, last
};
struct GuardMessage {
  GuardMessageKind kind;
  int32_t wait_status;  // kEnded
  uint32_t timed_out;   // kEnded: killed because its time had run out
  int32_t pid;          // kForked
};

// Takes this process out of the client's session and directory, resets its signals and blocks them.
// To be called while there is no plan yet and nothing else to do.
void PrepareSession();

// What the helper does: carries out `plan`, and the one after that, which contains one kFork.
using SessionSteps = void(const PlanView& plan, ChildContext& context);

// Starts the helper, and becomes the guard. `steps` does not return, in no process.
[[noreturn]] void HoldSession(const PlanView& plan, ChildContext& context, SessionSteps* steps);

}  // namespace hoy::core
