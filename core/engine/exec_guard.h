#pragma once
// What outlives the client of `hoy exec`: a small process that holds the exec'd process by its
// pidfd and the client by a socket. The parent-death signal cannot do this work: it would also end
// what the user detached from, and the kernel clears it when the process executes a set-user-ID
// program (prctl(2), PR_SET_PDEATHSIG).
//
//   | the client        | the guard                                                        |
//   |-------------------|------------------------------------------------------------------|
//   | dies              | kills the process                                                |
//   | detaches          | takes the pty's master, and reads it to nowhere until the        |
//   |                   | process ends: nothing of it may block or be hung up              |
//   | sees the end      | is killed; it would also end by itself                           |

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/sys/process.h"

namespace hoy::core {

class ExecGuard {
 public:
  ExecGuard() = default;

  // Forks, so the caller has one thread. The guard is in our own PID namespace: a container must
  // not get at it.
  static Result<ExecGuard> Start(BorrowedFd process);

  // From here on the process and, where there is one, its terminal are the guard's.
  Result<> Detach(BorrowedFd terminal);

  explicit operator bool() const { return static_cast<bool>(client_); }

 private:
  ChildProcess guard_;
  Fd client_;  // our end; the guard sees it close
};

}  // namespace hoy::core
