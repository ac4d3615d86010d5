#pragma once
// Which failures of an exchange are worth another try, and when.

#include <chrono>
#include <functional>
#include <optional>

#include "core/base/result.h"
#include "oci/registry/cancel.h"

namespace hoy::oci {

struct RetryPolicy {
  int attempts = 6;          // of one exchange, without progress in between
  int connect_attempts = 3;  // while the peer cannot even be reached: likely a typing error
  std::chrono::milliseconds base{400};
  std::chrono::milliseconds cap{15'000};
  std::chrono::seconds longest_wait{60};  // a Retry-After beyond it is reported instead
};

// One try, as the loop and the tried code tell each other about it.
struct Attempt {
  int number = 1;           // since the last progress
  bool progressed = false;  // set by the tried code: bytes that need not come again have arrived
  std::optional<std::chrono::seconds> retry_after;  // set by the tried code: the server's wish
};

// Called before each wait: what went wrong, and how long the wait is.
using RetryObserver = std::function<void(const Error&, std::chrono::milliseconds)>;

// Connection failures, broken and stalled transfers, 5xx, 408 and 429: yes. Everything else
// (certificates, 4xx, wrong digests, full disks) would only fail again.
bool IsTransient(const Error& error);

// base * 2^(number-1), at most `cap`, of which `random` in [0,1) decides the upper half.
std::chrono::milliseconds BackOff(const RetryPolicy& policy, int number, double random);

// The wait before the next try, or nullopt: give up.
std::optional<std::chrono::milliseconds> NextWait(const RetryPolicy& policy, const Attempt& attempt,
                                                  const Error& error, double random);

double Random();  // in [0,1)

// Runs `tried`, Result<T>(Attempt&), until it succeeds, fails for good, or the tries are used up.
template <typename Tried>
auto WithRetries(const RetryPolicy& policy, const CancelToken& cancel,
                 const RetryObserver& observer, Tried tried)
    -> decltype(tried(std::declval<Attempt&>())) {
  int number = 1;
  while (true) {
    Attempt attempt{.number = number};
    auto result = tried(attempt);
    if (result) return result;
    if (attempt.progressed) attempt.number = 1;
    auto wait = NextWait(policy, attempt, result.error(), Random());
    if (!wait) return result;
    if (observer) observer(result.error(), *wait);
    TRY(cancel.Wait(*wait));
    number = attempt.number + 1;
  }
}

}  // namespace hoy::oci
