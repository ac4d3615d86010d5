#pragma once
// No SIGPIPE for this thread. For http.cc.

#include <errno.h>
#include <signal.h>
#include <time.h>

namespace hoy::oci {

// OpenSSL writes to sockets without MSG_NOSIGNAL, and a registry that hangs up must not kill hoy.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &saved_);
  }
  ~SigpipeBlock() {
    if (!was_pending_) {
      timespec now{};
      while (sigtimedwait(&pipe_, nullptr, &now) == -1 && errno == EINTR) continue;
    }
    pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
  }

 private:
  sigset_t pipe_, saved_;
  bool was_pending_ = false;
};

}  // namespace hoy::oci
