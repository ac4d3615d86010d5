#pragma once
// What a signal would do to a process, as far as the kernel tells.

#include <sys/types.h>

#include <string_view>

#include "core/base/fd.h"

namespace hoy::core {

enum class SignalEffect {
  kTaken,      // a handler, or the default action
  kIgnored,    // it asked for that (SIG_IGN)
  kUnhandled,  // it is PID 1 of its namespace, which no signal ends that it has no handler for
               // (pid_namespaces(7)), SIGKILL and SIGSTOP apart
};

// From the text of /proc/<pid>/status: NSpid, SigBlk, SigIgn, SigCgt (proc(5)). A blocked signal
// counts as taken: it may be read by signalfd(2).
SignalEffect EffectOf(std::string_view proc_status, int signal);
// From the text of /proc/<pid>/syscall (proc(5)): it is in sigwait(3), as small inits are.
// Meanwhile what it waits for is not blocked, and of which signals that are nobody is told.
bool AwaitsSignals(std::string_view proc_syscall);

// Of one that runs; what has ended takes all, and so does what awaits signals.
SignalEffect EffectOn(pid_t pid, int signal);
SignalEffect EffectOn(BorrowedFd pidfd, int signal);

}  // namespace hoy::core
