#pragma once
// Carries out an InitPlan's steps. Runs between clone and execve, in a process that shares nothing
// with its parent but these descriptors: no allocation, no locale, no stdio, no exceptions.

#include "core/init/plan.h"
#include "core/init/plan_view.h"
#include "core/sys/fd_packet.h"

namespace hoy::core {

struct ChildContext {
  const char* plans = nullptr;  // where the plans are mapped: reports name a plan by its offset
  int status_fd = -1;           // SOCK_SEQPACKET, close-on-exec: StartMessage{kFailed | kTerminal}
  int release_fd = -1;          // pipe: one word for each thing that is waited for
  // kJoinNamespaces, kOpenJoinedTree: the pidfd of the container's init, or the namespaces of
  // others.
  int join_fds[kMaxJoined] = {-1, -1, -1, -1, -1, -1};
  int cgroup_fd = -1;             // kJoinCgroups: the session's, O_PATH
  PacketFds* passed = nullptr;    // kPassedDescriptors: any numbers, close-on-exec
  int streams[3] = {-1, -1, -1};  // for kStandardStreams when there is no terminal

  // What one step leaves for later ones.
  int slots[kAllSlots] = {};
  int terminal = -1;        // the pty's slave
  pid_t* forked = nullptr;  // where kFork notes it, which says kForked otherwise
};

// Every signal back to its default and unblocked, whatever hoy's own parent left ignored.
void ResetSignals();

// execve(2) of a step's a, b and c. It returns when that fails.
int ExecStep(const PlanView& plan, const Step& step);

// Until it executes a program this process can be looked at, and traced, by CAP_SYS_PTRACE alone
// (prctl(2), PR_SET_DUMPABLE). Where its filter forbids that, it stays as it is.
void HideFromTracers();

// Before the first step that resolves a path of the container's: what leads to the host. Close-on-
// exec is too late, and the built-in init never execs.
void CloseHostDescriptors(ChildContext& context);

// The next word from the monitor. Its end-of-file means that the monitor is gone, and so are we.
uint32_t AwaitWord(int release_fd);

// Tells hoy (through the monitor) why nothing will run, and exits with 125.
[[noreturn]] void GiveUpChild(const ChildContext& context, const StartMessage& message);

// Carries the steps out; returns when they are done and none was kExec. A failed step is reported
// on `status_fd`, and the process exits with 125.
void RunSteps(const PlanView& plan, ChildContext& context);

}  // namespace hoy::core
