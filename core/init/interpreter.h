#pragma once
// Carries out an InitPlan's steps. Runs between clone and execve, in a process that shares nothing
// with its parent but these descriptors: no allocation, no locale, no stdio, no exceptions.

#include "core/init/plan.h"
#include "core/init/plan_view.h"

namespace hoy::core {

struct ChildContext {
  int status_fd = -1;   // SOCK_SEQPACKET, close-on-exec: StartMessage{kFailed | kTerminal}
  int release_fd = -1;  // kAwaitRelease
  int join_fd = -1;     // kJoinNamespaces: pidfd of the container's init
  int streams[3] = {-1, -1, -1};  // for kStandardStreams when there is no terminal
  char** argv = nullptr;          // of kExec, see PrepareVectors
  char** envp = nullptr;
};

// How many pointers PrepareVectors wants, and filling them in (before clone: the caller owns them).
size_t CountVectorPointers(const PlanView& plan);
void PrepareVectors(const PlanView& plan, char** pointers, ChildContext& context);

// Does not return: execs, or reports {step, errno} on `status_fd` and exits with 125.
[[noreturn]] void RunPlan(const PlanView& plan, ChildContext& context);

}  // namespace hoy::core
