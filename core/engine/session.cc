#include "core/engine/session.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/engine/detach_watch.h"
#include "core/engine/wait.h"
#include "core/sys/process.h"

namespace hoy::core {
namespace {

constexpr int kHoldKeysMs = 200;  // what may begin the detach sequence
constexpr int kStillMs = 200;     // a window that is dragged has many sizes

// Not for the container: our own business, impossible to catch, or caused by ourselves.
constexpr std::array kKept = {SIGCHLD, SIGURG, SIGSTOP, SIGKILL, SIGPIPE};
// Errors of our own program must not be hidden.
constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

constexpr std::array kEnding = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kPatience = 3;  // so many of them that are not heard; docker's client has the same

sigset_t ProxiedSignals() {
  sigset_t set;
  sigfillset(&set);
  for (int signal : kKept) sigdelset(&set, signal);
  for (int signal : kFaults) sigdelset(&set, signal);
  return set;
}

// Our terminal in raw mode, for the length of a session.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    if (tcgetattr(fd, &before_) != 0) {
      fd_ = -1;
      return;
    }
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(fd, TCSADRAIN, &raw);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (fd_ >= 0) tcsetattr(fd_, TCSADRAIN, &before_);
  }

 private:
  int fd_;
  termios before_{};
};

class Session {
 public:
  Session(SessionPeer& peer, const BlockedSignals& signals, const SessionOptions& options)
      : peer_(peer), signals_(signals), options_(options), watch_(options.detach_keys) {
    reading_ = options.interactive;
  }

  Result<SessionPeer::End> Run() {
    auto end = RunToItsEnd();
    TellSize();
    return end;
  }

 private:
  Result<SessionPeer::End> RunToItsEnd() {
    std::optional<RawTerminal> raw;
    if (options_.terminal && options_.interactive && isatty(STDIN_FILENO) != 0) {
      raw.emplace(STDIN_FILENO);
    }
    while (true) {
      if (options_.ends_with_input && !reading_ && peer_.TakesInput()) {
        return SessionPeer::End{SessionPeer::End::Kind::kDetached, 0};
      }
      slots_.clear();
      slots_.push_back({signals_.fd().get(), POLLIN, 0});
      slots_.push_back({reading_ && peer_.TakesInput() ? STDIN_FILENO : -1, POLLIN, 0});
      peer_.Prepare(slots_);
      bool keys_wait = watch_.Holds() && peer_.TakesInput();
      if (still_.Passed()) TellSize();
      int timeout = still_.PollTimeout();
      if (keys_wait) timeout = timeout < 0 ? kHoldKeysMs : std::min(timeout, kHoldKeysMs);
      int ready = poll(slots_.data(), slots_.size(), timeout);
      if (ready < 0) {
        if (errno == EINTR) continue;
        return FailErrno("poll", "session");
      }
      if (ready == 0) {
        if (keys_wait && !still_.Passed()) peer_.SendInput(watch_.LetGo());
        continue;
      }
      if (slots_[0].revents != 0) {
        TRY(auto left, PassSignal());
        if (left) return *left;
      }
      TRY(auto end, peer_.Handle(std::span(slots_).subspan(2)));
      if (end) return *end;
      if (slots_[1].revents != 0 && PassInput()) {
        return SessionPeer::End{SessionPeer::End::Kind::kDetached, 0};
      }
    }
  }

  void TellSize() {
    if (size_ && options_.on_resize) options_.on_resize(*size_);
    size_.reset();
    still_ = Deadline(-1);
  }

  Result<std::optional<SessionPeer::End>> PassSignal() {
    signalfd_siginfo info{};
    if (read(signals_.fd().get(), &info, sizeof info) != sizeof info) return std::nullopt;
    auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH && options_.terminal) {
      auto size = WindowOf(STDOUT_FILENO);
      if (size) peer_.Resize(*size);
      if (!size) return std::nullopt;
      size_ = size;
      still_ = Deadline(kStillMs);
      return std::nullopt;
    }
    bool asks_to_end = std::ranges::find(kEnding, signal) != kEnding.end();
    SessionPeer::End left{SessionPeer::End::Kind::kLeft, 128 + signal};
    if (!options_.proxy_signals) {
      // They mean ourselves, as if they had never been blocked.
      return asks_to_end ? std::optional(left) : std::nullopt;
    }
    // It may have ended, and been reaped, before anybody could take hold of it.
    if (options_.process.get() < 0) return std::nullopt;
    SignalEffect effect = asks_to_end ? EffectOn(options_.process, signal) : SignalEffect::kTaken;
    TRY(SendSignal(options_.process, signal));
    if (effect == SignalEffect::kTaken) return std::nullopt;
    // A key that was pressed before our terminal was in raw mode is the program's, which may be
    // about to handle it.
    bool is_key = info.ssi_code == SI_KERNEL && (signal == SIGINT || signal == SIGQUIT);
    bool at_once = options_.terminal && !is_key;
    int more = at_once ? 0 : std::max(kPatience - ++unheard_, 0);
    if (options_.deaf) options_.deaf(effect, signal, more);
    return more == 0 ? std::optional(left) : std::nullopt;
  }

  // True: the user detached.
  bool PassInput() {
    std::array<char, kMaxStdinPayload> buffer;
    ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (count <= 0) {
      reading_ = false;
      if (std::string held = watch_.LetGo(); !held.empty()) peer_.SendInput(held);
      peer_.CloseInput();
      return false;
    }
    bool detached = false;
    std::string_view bytes(buffer.data(), static_cast<size_t>(count));
    if (!options_.terminal) {
      peer_.SendInput(bytes);
      return false;
    }
    std::string pass = watch_.Feed(bytes, &detached);
    if (!pass.empty()) peer_.SendInput(pass);
    return detached;
  }

  SessionPeer& peer_;
  const BlockedSignals& signals_;
  const SessionOptions& options_;
  DetachWatch watch_;
  bool reading_ = false;
  int unheard_ = 0;                 // signals that asked the process to end
  std::optional<WindowSize> size_;  // not told yet
  Deadline still_ = Deadline(-1);   // then it is
  std::vector<pollfd> slots_;
};

}  // namespace

Result<std::vector<char>> ParseDetachKeys(std::string_view text) {
  std::vector<char> keys;
  for (std::string_view key : Split(text, ',')) {
    if (key.size() == 1) {
      keys.push_back(key[0]);
      continue;
    }
    constexpr std::string_view kOthers = "@[\\]^_";
    std::string lower = ToLower(key);
    if (lower.starts_with("ctrl-") && lower.size() == 6) {
      char letter = lower[5];
      if (letter >= 'a' && letter <= 'z') {
        keys.push_back(static_cast<char>(letter - 'a' + 1));
        continue;
      }
      if (kOthers.find(letter) != std::string_view::npos) {
        keys.push_back(static_cast<char>(letter - '@'));
        continue;
      }
    }
    return Fail(MakeError(ErrorKind::kInvalidArgument, fmt::format("unknown detach key '{}'", key))
                    .WithHint("say for example ctrl-p,ctrl-q or ctrl-],x"));
  }
  return keys;
}

BlockedSignals::BlockedSignals() {
  sigset_t set = ProxiedSignals();
  sigprocmask(SIG_BLOCK, &set, &before_);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
  fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

BlockedSignals::~BlockedSignals() {
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<WindowSize> WindowOf(BorrowedFd terminal) {
  winsize size{};
  if (ioctl(terminal.get(), TIOCGWINSZ, &size) != 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

Result<bool> WriteOutput(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      // Somebody else made it non-blocking; wait for it ourselves.
      pollfd slot{fd, POLLOUT, 0};
      poll(&slot, 1, -1);
    } else if (errno == EPIPE) {
      return false;
    } else if (errno != EINTR) {
      return FailErrno("write", fd == STDOUT_FILENO ? "stdout" : "stderr");
    }
  }
  return true;
}

Result<SessionPeer::End> RunSession(SessionPeer& peer, const BlockedSignals& signals,
                                    const SessionOptions& options) {
  return Session(peer, signals, options).Run();
}

}  // namespace hoy::core
