#pragma once
// Owners of file descriptors. Every open in hoy is O_CLOEXEC.

#include <unistd.h>

#include <utility>

namespace hoy {

// A descriptor that somebody else owns and keeps open for the length of the call.
class BorrowedFd {
 public:
  constexpr BorrowedFd(int fd) : fd_(fd) {}  // NOLINT(google-explicit-constructor)
  constexpr int get() const { return fd_; }

 private:
  int fd_;
};

// Owns one descriptor; closes it when it goes. -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  operator BorrowedFd() const { return BorrowedFd(fd_); }  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace hoy
