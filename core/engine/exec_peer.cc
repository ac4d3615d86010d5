#include "core/engine/exec_peer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/monitor/attach_protocol.h"
#include "core/monitor/exec_guard.h"
#include "core/sys/fd_packet.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

using End = SessionPeer::End;

// What the guard says: nullopt, nothing yet.
std::optional<End> HearGuard(BorrowedFd guard, int flags) {
  GuardMessage message{};
  ssize_t count = 0;
  do {
    count = recv(guard.get(), &message, sizeof message, flags);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return std::nullopt;
  if (count != sizeof message || message.kind != GuardMessageKind::kEnded) {
    return End{End::Kind::kLost, 0};
  }
  if (message.timed_out != 0) return End{End::Kind::kExited, kTimeoutExitCode};
  return End{End::Kind::kExited, FromWaitStatus(message.wait_status).code};
}

}  // namespace

Result<std::optional<GuardedProcess>> TakeForked(BorrowedFd guard) {
  GuardMessage message{};
  ssize_t count = recv(guard.get(), &message, sizeof message, MSG_PEEK | MSG_DONTWAIT);
  if (count != sizeof message || message.kind != GuardMessageKind::kForked) return std::nullopt;
  int pidfd = -1;
  if (ReceivePacket(guard.get(), &message, sizeof message, &pidfd) < 0) {
    return FailErrno("receive", "pidfd");
  }
  return GuardedProcess{message.pid, Fd(pidfd)};
}

bool HasTimedOut(BorrowedFd guard) {
  std::optional<End> end = HearGuard(guard, MSG_DONTWAIT);
  return end && end->kind == End::Kind::kExited && end->exit_code == kTimeoutExitCode;
}

ExecPeer::ExecPeer(Descriptors descriptors, OutputSink sink)
    : fds_(std::move(descriptors)), sink_(std::move(sink)) {
  if (!fds_.terminal) return;
  fcntl(fds_.terminal.get(), F_SETFL, O_NONBLOCK);
  terminal_keeper_.reset(ioctl(fds_.terminal.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

void ExecPeer::Prepare(std::vector<pollfd>& slots) {
  slots.push_back({fds_.guard.get(), POLLIN, 0});
  if (fds_.terminal) {
    auto events = static_cast<short>(POLLIN | (input_.empty() ? 0 : POLLOUT));
    slots.push_back({hung_up_ ? -1 : fds_.terminal.get(), events, 0});
    return;
  }
  slots.push_back({fds_.out[0].get(), POLLIN, 0});
  slots.push_back({fds_.out[1].get(), POLLIN, 0});
  slots.push_back({input_.empty() ? -1 : fds_.in.get(), POLLOUT, 0});
}

Result<std::optional<SessionPeer::End>> ExecPeer::Handle(std::span<const pollfd> slots) {
  std::optional<End> end;
  if (slots[0].revents != 0) end = HearGuard(fds_.guard, MSG_DONTWAIT);
  bool ended = end.has_value();
  if (!input_.empty() && (slots[slots.size() - 1].revents & (POLLOUT | POLLERR)) != 0) FlushInput();
  auto relay = [&](Fd& from, int to, const pollfd& slot) -> Result<> {
    if (!from || (!ended && slot.revents == 0)) return {};
    int64_t left = ended ? LeftIn(from) : 1;
    while (left > 0) {
      TRY(size_t count, Relay(from, to));
      if (count == 0) break;
      left -= static_cast<int64_t>(count);
    }
    return {};
  };
  if (fds_.terminal) {
    TRY(relay(fds_.terminal, STDOUT_FILENO, slots[1]));
  } else {
    TRY(relay(fds_.out[0], STDOUT_FILENO, slots[1]));
    TRY(relay(fds_.out[1], STDERR_FILENO, slots[2]));
  }
  // What the process itself wrote has been relayed; a child of its that keeps the pipes open is not
  // waited for.
  if (ended && output_gone_) end->exit_code = 128 + SIGPIPE;
  return end;
}

Result<std::optional<SessionPeer::End>> ExecPeer::Detach(BorrowedFd guard, BorrowedFd terminal) {
  GuardMessage message{GuardMessageKind::kDetach, 0, 0, 0};
  if (SendPacket(guard.get(), &message, sizeof message, terminal.get()) >= 0) return std::nullopt;
  if (errno != EPIPE && errno != ECONNRESET) return FailErrno("detach", "session");
  return HearGuard(guard, 0);
}

// What was written before the end, and not what others go on to write. A terminal does not tell
// all that is on its way; it holds less than this.
int64_t ExecPeer::LeftIn(BorrowedFd from) const {
  constexpr int64_t kMostInTerminal = 256 * 1024;
  int count = 0;
  if (fds_.terminal || ioctl(from.get(), FIONREAD, &count) != 0) return kMostInTerminal;
  return count;
}

Result<size_t> ExecPeer::Relay(Fd& from, int to) {
  ssize_t count = read(from.get(), buffer_.get(), kRelaySize);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return size_t{0};
  if (count <= 0) {
    // A terminal is kept: closing it would be a signal to the process.
    if (fds_.terminal) {
      hung_up_ = true;
    } else {
      from.reset();
    }
    return size_t{0};
  }
  auto size = static_cast<size_t>(count);
  if (output_gone_) return size;
  TRY(bool written, sink_(to, {buffer_.get(), size}));
  if (!written) {
    output_gone_ = true;
    TRY(SendSignal(fds_.process, SIGKILL));
  }
  return size;
}

void ExecPeer::SendInput(std::string_view bytes) {
  input_.assign(bytes);
  if (!bytes.empty()) last_input_ = bytes.back();
  FlushInput();
}

void ExecPeer::FlushInput() {
  while (!input_.empty() && InputFd() >= 0) {
    ssize_t count = write(InputFd(), input_.data(), input_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      input_.clear();
      fds_.in.reset();
      return;
    }
    input_.erase(0, static_cast<size_t>(count));
  }
  if (close_after_input_) fds_.in.reset();
}

// On a terminal its end is typed; twice after an unfinished line, which the first one ends.
void ExecPeer::CloseInput() {
  if (fds_.terminal) {
    input_.append(last_input_ == '\n' ? 1 : 2, kEndOfTransmission);
    last_input_ = '\n';
    FlushInput();
    return;
  }
  if (input_.empty()) {
    fds_.in.reset();
  } else {
    close_after_input_ = true;
  }
}

void ExecPeer::Resize(WindowSize size) {
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  if (fds_.terminal) ioctl(fds_.terminal.get(), TIOCSWINSZ, &window);
}

}  // namespace hoy::core
