#pragma once
// A client's terminal or pipes joined to a container's streams: hoy run, start -a, exec.
//
//   our stdin  --(detach keys)--> peer
//   our stdout, stderr <--------- peer
//   our signals ----------------> the container's process     (all but CHLD URG STOP KILL PIPE)
//   our window size ------------> peer, when it has a terminal
//
// The peer is either the monitor's attach socket or, for exec, the process's own pipes or pty.

#include <poll.h>
#include <signal.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/signal_effect.h"
#include "core/monitor/attach_protocol.h"

namespace hoy::core {

// "ctrl-p,ctrl-q" -> {0x10, 0x11}; single characters stand for themselves; "" disables.
// kInvalidArgument otherwise.
Result<std::vector<char>> ParseDetachKeys(std::string_view text);
inline constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

// The signals that a session passes on, blocked from here on, so that none is lost between the
// start of a container and the session's own loop. SIGPIPE is ignored meanwhile: a reader that went
// away must end the container, not just us. Restored by the destructor.
class BlockedSignals {
 public:
  BlockedSignals();
  ~BlockedSignals();
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  BorrowedFd fd() const { return fd_; }  // signalfd(2)

 private:
  Fd fd_;
  sigset_t before_;
  struct sigaction pipe_before_;
};

std::optional<WindowSize> WindowOf(BorrowedFd terminal);

// What the session talks to.
class SessionPeer {
 public:
  virtual ~SessionPeer() = default;

  struct End {
    // kLeft: a signal has ended the session, and not the process; 128 and its number.
    enum class Kind { kExited, kDetached, kLeft, kLost } kind = Kind::kLost;
    int exit_code = 0;
  };

  // Adds what to wait for; `input_wanted`: the last input was taken, more may come.
  virtual void Prepare(std::vector<pollfd>& slots) = 0;
  // Handles readiness; output goes to our stdout and stderr. The end, when it has come.
  virtual Result<std::optional<End>> Handle(std::span<const pollfd> slots) = 0;
  virtual bool TakesInput() const = 0;
  virtual void SendInput(std::string_view bytes) = 0;
  virtual void CloseInput() = 0;
  virtual void Resize(WindowSize size) = 0;
};

struct SessionOptions {
  bool interactive = false;      // pass our stdin on
  bool terminal = false;         // put our terminal in raw mode, follow its size
  bool ends_with_input = false;  // when all of our stdin was passed on: kDetached
  bool proxy_signals = true;
  // The process does not hear a signal that asks it to end; after so many more of them we leave.
  // With a terminal of its own that is at once, where they come from outside: they mean ourselves.
  std::function<void(SignalEffect effect, int signal, int more)> deaf;
  std::vector<char> detach_keys;  // with a terminal only
  // The peer's terminal has become as large as ours, and stayed so for a while.
  std::function<void(WindowSize)> on_resize;
  BorrowedFd process = -1;  // pidfd that signals go to
};

// Runs until the peer ends or the user detaches. The terminal is restored on every way out.
Result<SessionPeer::End> RunSession(SessionPeer& peer, const BlockedSignals& signals,
                                    const SessionOptions& options);

// Output to our own descriptor. False: nobody reads it any more (EPIPE).
Result<bool> WriteOutput(int fd, std::string_view bytes);

}  // namespace hoy::core
