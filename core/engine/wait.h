#pragma once
// Waiting for containers.

#include <optional>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"

namespace hoy::core {

// A moment on the monotonic clock, or never.
class Deadline {
 public:
  explicit Deadline(int64_t timeout_ms);  // < 0: never
  bool Passed() const;
  int PollTimeout() const;  // for poll(2): -1 is never

 private:
  int64_t at_;
};

// True: `fd` is readable, as a pidfd is when its process has ended. False: the deadline passed.
Result<bool> AwaitReadable(BorrowedFd fd, const Deadline& deadline);

// Waits until it does not run, and tells how its last run ended; a created container has not run:
// exit code 0, as docker has it. `timeout_ms` < 0: for ever; kTimeout when it is over. Works for an
// auto-remove container to the very end. The monitor's clean-up is done when this returns, unless
// the restart policy starts the container again: then it returns at once. A client that is to clean
// up, and is stopped, is not waited for for longer than half a minute.
Result<ExitRecord> WaitForExit(const Layout& layout, std::string_view id, int64_t timeout_ms = -1);

}  // namespace hoy::core
