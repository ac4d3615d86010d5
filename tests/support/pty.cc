#include "tests/support/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>

namespace hoy::test {

Pty::Pty(const Command& command, Size size) {
  winsize window{size.rows, size.columns, 0, 0};
  int master = -1;
  int slave = -1;
  if (::openpty(&master, &slave, nullptr, nullptr, &window) != 0) {
    throw std::runtime_error("openpty");
  }
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave, F_SETFD, FD_CLOEXEC);
  ::fcntl(master, F_SETFL, O_NONBLOCK);
  master_ = Fd(master);
  slave_ = Fd(slave);
  std::vector<char*> argv;
  for (const auto& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int exec_pipe[2];  // closes on exec: from then on a key pressed reaches the program
  if (::pipe2(exec_pipe, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const Fd executed(exec_pipe[0]);
  Fd not_yet(exec_pipe[1]);

  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setsid();
    ::ioctl(slave, TIOCSCTTY, 0);
    for (int fd : {0, 1, 2}) ::dup2(slave, fd);
    for (const auto& [name, value] : command.env) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    ::dprintf(2, "cannot run %s: %s\n", argv[0], ::strerror(errno));
    ::_exit(127);
  }
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  not_yet.reset();
  char nothing = 0;
  (void)!::read(executed.get(), &nothing, 1);
  Send(command.input);
}

Pty::~Pty() {
  if (!reaped_) {
    Signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

bool Pty::Read(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  if (left <= 0) return false;
  pollfd fds[2] = {{master_.get(), POLLIN, 0}, {reaped_ ? -1 : pidfd_.get(), POLLIN, 0}};
  if (::poll(fds, 2, static_cast<int>(left)) == 0) return false;
  if ((fds[0].revents & POLLIN) != 0) {
    char chunk[4096];
    const ssize_t count = ::read(master_.get(), chunk, sizeof chunk);
    if (count > 0) screen_.append(chunk, static_cast<size_t>(count));
    return true;  // what it wrote before it ended comes first
  }
  if (fds[1].revents != 0) {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    code_ = ShellCode(status);
  }
  return true;
}

bool Pty::Expect(std::string_view text, milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const size_t position = screen_.find(text, matched_);
    if (position != std::string::npos) {
      matched_ = position + text.size();
      return true;
    }
    if (reaped_ || !Read(deadline)) return false;
  }
}

void Pty::Send(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t count = ::write(master_.get(), keys.data(), keys.size());
    if (count > 0) {
      keys.remove_prefix(static_cast<size_t>(count));
      continue;
    }
    pollfd ready{master_.get(), POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&ready, 1, 10'000) <= 0) return;
  }
}

void Pty::Resize(Size size) {
  winsize window{size.rows, size.columns, 0, 0};
  ::ioctl(master_.get(), TIOCSWINSZ, &window);
}

void Pty::HangUp() {
  slave_.reset();
  master_.reset();
}

void Pty::Signal(int signal) {
  if (!reaped_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

int Pty::Finish(milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!reaped_ && Read(deadline)) {
  }
  while (reaped_ && master_ && Read(std::chrono::steady_clock::now() + milliseconds(1))) {
  }
  return reaped_ ? code_ : -1;
}

bool Pty::IsCooked() const {
  termios settings{};
  if (::tcgetattr(slave_.get(), &settings) != 0) return false;
  return (settings.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG);
}

}  // namespace hoy::test
