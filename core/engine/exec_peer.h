#pragma once
// The session peer of an exec'd process: its pipes, or its pty; and its guard, which says who it is
// and how it ended (core/monitor/exec_guard.h).

#include <functional>
#include <memory>

#include "core/engine/session.h"

namespace hoy::core {

constexpr int kTimeoutExitCode = 124;

struct GuardedProcess {
  pid_t pid = 0;
  Fd pidfd;
};
// When the guard has said kForked, and nobody has taken that yet; whatever else it has said stays
// to be heard. Waits for nothing.
Result<std::optional<GuardedProcess>> TakeForked(BorrowedFd guard);
// Of a session without a process: whether its time ran out.
bool HasTimedOut(BorrowedFd guard);

class ExecPeer final : public SessionPeer {
 public:
  struct Descriptors {
    Fd in;                    // write end of stdin, non-blocking; none: not interactive
    Fd out[2];                // read ends of stdout and stderr, non-blocking
    Fd terminal;              // the pty's master, instead of all of these
    BorrowedFd process = -1;  // its pidfd
    BorrowedFd guard = -1;    // our end of the guard's socket (core/monitor/exec_guard.h)
  };
  // Takes what comes from `stream`, 1 or 2. False: nobody wants any more, and the process is ended
  // as SIGPIPE would.
  using OutputSink = std::function<Result<bool>(int stream, std::string_view bytes)>;
  explicit ExecPeer(Descriptors descriptors, OutputSink sink = WriteOutput);

  void Prepare(std::vector<pollfd>& slots) override;
  Result<std::optional<End>> Handle(std::span<const pollfd> slots) override;
  bool TakesInput() const override { return input_.empty() && InputFd() >= 0; }
  void SendInput(std::string_view bytes) override;
  void CloseInput() override;
  void Resize(WindowSize size) override;

  // From here on the session, and its terminal where there is one, are the guard's. Its end, when
  // it has ended before the guard could hear of that.
  static Result<std::optional<End>> Detach(BorrowedFd guard, BorrowedFd terminal);

  BorrowedFd terminal() const { return fds_.terminal; }  // the pty's master, or -1

 private:
  int InputFd() const { return fds_.terminal ? fds_.terminal.get() : fds_.in.get(); }
  void FlushInput();
  // How many bytes; 0: nothing there now.
  Result<size_t> Relay(Fd& from, int to);
  int64_t LeftIn(BorrowedFd from) const;

  Descriptors fds_;
  OutputSink sink_;
  // The pty's other side, never used: while it is open, a process that closes its own terminal and
  // lives on does not make the master ready for ever.
  Fd terminal_keeper_;
  bool hung_up_ = false;
  std::string input_;
  char last_input_ = '\n';
  bool close_after_input_ = false;
  bool output_gone_ = false;
  // Not zeroed, here as in MonitorPeer: only the pages that are used cost anything.
  static constexpr size_t kRelaySize = 64 * 1024;
  std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kRelaySize);
};

}  // namespace hoy::core
