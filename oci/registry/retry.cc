#include "oci/registry/retry.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace hoy::oci {

bool IsTransient(const Error& error) {
  if (error.kind != ErrorKind::kNetwork && error.kind != ErrorKind::kTimeout) return false;
  return error.stage == "connect" || error.stage == "transfer" || error.stage == "server" ||
         error.stage == "rate-limit";
}

std::chrono::milliseconds BackOff(const RetryPolicy& policy, int number, double random) {
  double longest =
      static_cast<double>(policy.base.count()) * std::pow(2.0, std::max(number, 1) - 1);
  longest = std::min(longest, static_cast<double>(policy.cap.count()));
  return std::chrono::milliseconds(static_cast<int64_t>(longest / 2 * (1 + random)));
}

std::optional<std::chrono::milliseconds> NextWait(const RetryPolicy& policy, const Attempt& attempt,
                                                  const Error& error, double random) {
  if (!IsTransient(error)) return std::nullopt;
  int tries = error.stage == "connect" ? policy.connect_attempts : policy.attempts;
  if (attempt.number >= tries) return std::nullopt;
  std::chrono::milliseconds wait = BackOff(policy, attempt.number, random);
  if (!attempt.retry_after) return wait;
  if (*attempt.retry_after > policy.longest_wait) return std::nullopt;
  return std::max<std::chrono::milliseconds>(wait, *attempt.retry_after);
}

double Random() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace hoy::oci
