#pragma once
// "Stop now", from a signal handler or another thread to everything a pull waits for.

#include <atomic>
#include <chrono>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace hoy::oci {

class CancelToken {
 public:
  CancelToken();
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  // Async-signal-safe and idempotent.
  void Cancel() noexcept;
  bool cancelled() const { return flag_.load(std::memory_order_relaxed); }
  // Becomes readable, and stays so, when cancelled. -1 where eventfd(2) is refused: then waits
  // look at the flag every second.
  BorrowedFd fd() const { return event_; }

  // Sleeps that long. kCancelled when cancelled before or meanwhile.
  Result<> Wait(std::chrono::milliseconds duration) const;
  // kCancelled when cancelled.
  Result<> Check() const;

 private:
  std::atomic<bool> flag_ = false;
  Fd event_;
};

}  // namespace hoy::oci
