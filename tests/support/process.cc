#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace hoy::test {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Pipe MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {Fd(fds[0]), Fd(fds[1])};
}

std::vector<std::string> Environment(const Command& command) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    merged[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : command.env) {
    if (value) {
      merged[name] = *value;
    } else {
      merged.erase(name);
    }
  }
  std::vector<std::string> result;
  for (const auto& [name, value] : merged) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Reads what is there. False at end of file.
bool ReadSome(Fd& fd, std::string& buffer) {
  char chunk[65536];
  const ssize_t count = ::read(fd.get(), chunk, sizeof chunk);
  if (count > 0) {
    buffer.append(chunk, static_cast<size_t>(count));
    return true;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  fd.reset();
  return false;
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Output& output) {
  const auto clip = [](const std::string& text) {
    return text.size() <= 4000 ? text : text.substr(0, 4000) + "...";
  };
  stream << "exit code " << output.code;
  if (output.timed_out) stream << " (killed: timed out)";
  if (output.pipe_held) stream << " (its stdout or stderr is still held open by somebody)";
  return stream << "\n--- stdout\n" << clip(output.out) << "\n--- stderr\n" << clip(output.err);
}

int ShellCode(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void PauseBetweenPolls() {
  std::this_thread::sleep_for(milliseconds(5));
}

Background::Background(const Command& command) : pending_input_(command.input) {
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = Environment(command);
  const std::vector<char*> argv_pointers = Pointers(argv);
  const std::vector<char*> env_pointers = Pointers(env);

  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed test leaves no registry behind
    ::dup2(in.read.get(), 0);
    ::dup2(out.write.get(), 1);
    ::dup2(err.write.get(), 2);
    ::signal(SIGPIPE, SIG_DFL);
    if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) ::_exit(127);
    ::execvpe(argv_pointers[0], argv_pointers.data(), env_pointers.data());
    ::dprintf(2, "cannot run %s: %s\n", argv_pointers[0], ::strerror(errno));
    ::_exit(127);
  }
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  input_ = std::move(in.write);
  out_pipe_ = std::move(out.read);
  err_pipe_ = std::move(err.read);
  for (const Fd* fd : {&input_, &out_pipe_, &err_pipe_}) {
    ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  ::signal(SIGPIPE, SIG_IGN);
}

Background::~Background() {
  if (reaped_ || !pidfd_) return;  // moved from, or already reaped
  Signal(SIGKILL);
  Reap();
}

void Background::Reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  code_ = ShellCode(status);
}

void Background::Signal(int signal) {
  if (!reaped_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

bool Background::Running() {
  if (reaped_) return false;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

void Background::Write(std::string_view bytes) {
  pending_input_.append(bytes);
}

bool Background::Pump(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  if (left <= 0) return false;
  const int wait_ms = static_cast<int>(std::min<long>(left, 1 << 30));
  pollfd fds[4] = {{out_pipe_.get(), POLLIN, 0},
                   {err_pipe_.get(), POLLIN, 0},
                   {pending_input_.empty() ? -1 : input_.get(), POLLOUT, 0},
                   {reaped_ ? -1 : pidfd_.get(), POLLIN, 0}};
  if (::poll(fds, 4, wait_ms) == 0) return false;
  if (fds[0].revents != 0) ReadSome(out_pipe_, out_);
  if (fds[1].revents != 0) ReadSome(err_pipe_, err_);
  if (fds[2].revents != 0) {
    const ssize_t count = ::write(input_.get(), pending_input_.data(), pending_input_.size());
    if (count > 0) pending_input_.erase(0, static_cast<size_t>(count));
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      pending_input_.clear();
      input_.reset();
    }
  }
  if (fds[3].revents != 0 && !reaped_) Reap();
  return true;
}

bool Background::WaitFor(const std::string& buffer, std::string_view text, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (buffer.find(text) == std::string::npos) {
    if (!out_pipe_ && !err_pipe_) return false;
    if (!Pump(deadline)) return false;
  }
  return true;
}

bool Background::WaitForOut(std::string_view text, milliseconds timeout) {
  return WaitFor(out_, text, timeout);
}

bool Background::WaitForErr(std::string_view text, milliseconds timeout) {
  return WaitFor(err_, text, timeout);
}

Output Background::Finish(milliseconds timeout) {
  Output output;
  auto deadline = Clock::now() + timeout;
  while (!reaped_ || out_pipe_ || err_pipe_) {
    if (pending_input_.empty()) input_.reset();
    const bool was_reaped = reaped_;
    if (!Pump(deadline)) {
      output.pipe_held = reaped_;
      output.timed_out = !reaped_;
      break;
    }
    // Once it is gone, what it wrote is already in the pipes: only a leftover keeps them open.
    if (reaped_ && !was_reaped) deadline = std::min(deadline, Clock::now() + seconds(10));
  }
  if (!reaped_) {
    Signal(SIGKILL);
    Reap();
    code_ = -1;
  }
  output.code = code_;
  output.out = out_;
  output.err = err_;
  return output;
}

Output RunCommand(const Command& command) {
  return Background(command).Finish(command.timeout);
}

}  // namespace hoy::test
