#pragma once
// Sources that end with kCancelled when a token is cancelled, also while nothing arrives.

#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "oci/layer/byte_source.h"
#include "oci/registry/cancel.h"

namespace hoy::oci {

// A descriptor, from where it stands to its end: a file, or a pipe whose writer may take its time.
class StoppableFdSource final : public ByteSource {
 public:
  StoppableFdSource(BorrowedFd fd, std::string subject, const CancelToken& cancel)
      : fd_(fd.get()), subject_(std::move(subject)), cancel_(cancel) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      TRY(cancel_.Check());
      constexpr int kLookMs = 1000;  // at the token, where it has no descriptor
      std::array<pollfd, 2> waits = {
          pollfd{.fd = fd_, .events = POLLIN, .revents = 0},
          pollfd{.fd = cancel_.fd().get(), .events = POLLIN, .revents = 0}};
      if (::poll(waits.data(), waits.size(), kLookMs) < 0 && errno != EINTR) {
        return FailErrno("wait", subject_);
      }
      if (waits[0].revents == 0) continue;
      ssize_t count = ::read(fd_, buffer.data(), buffer.size());
      if (count >= 0) return static_cast<size_t>(count);
      if (errno != EINTR && errno != EAGAIN) return FailErrno("read", subject_);
    }
  }

 private:
  int fd_;
  std::string subject_;
  const CancelToken& cancel_;
};

// Another source, which does not wait itself. `cancel` nullptr: as it is.
class StoppableSource final : public ByteSource {
 public:
  StoppableSource(ByteSource& source, const CancelToken* cancel)
      : source_(source), cancel_(cancel) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (cancel_ != nullptr) TRY(cancel_->Check());
    return source_.Read(buffer);
  }

 private:
  ByteSource& source_;
  const CancelToken* cancel_;
};

}  // namespace hoy::oci
