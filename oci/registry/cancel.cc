#include "oci/registry/cancel.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>

namespace hoy::oci {

CancelToken::CancelToken() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void CancelToken::Cancel() noexcept {
  int saved = errno;
  flag_.store(true, std::memory_order_relaxed);
  uint64_t one = 1;
  // The flag is what counts: a lost wake-up costs at most a second.
  [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof(one));
  errno = saved;
}

Result<> CancelToken::Wait(std::chrono::milliseconds duration) const {
  auto deadline = std::chrono::steady_clock::now() + duration;
  while (!cancelled()) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return {};
    pollfd wait{.fd = event_.get(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, static_cast<int>(std::min<int64_t>(left.count(), 1000)));
  }
  return Check();
}

Result<> CancelToken::Check() const {
  if (cancelled()) return Fail(ErrorKind::kCancelled, "interrupted");
  return {};
}

}  // namespace hoy::oci
