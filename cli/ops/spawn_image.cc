#include "cli/ops/spawn_image.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

#include "cli/ui/report.h"
#include "core/base/text.h"
#include "core/engine/program_path.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

constexpr int kErrorFd = 3;  // the child's number of the pipe it writes its error to

// What would end us is for the child while we wait for it, whether it came from the keyboard, which
// the child hears itself, or to us alone. Held, not ignored as system(3) does: a ^C that came when
// the child had just succeeded must still end us.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
      struct sigaction action{};
      sigaction(signal, nullptr, &action);
      if (action.sa_handler != SIG_IGN) sigaddset(&signals, signal);  // nohup(1) means it
    }
    sigprocmask(SIG_BLOCK, &signals, &before_);
    fd_.reset(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  BorrowedFd fd() const { return fd_; }
  // Whether one has come; it is used up then.
  bool Take() {
    signalfd_siginfo info{};
    bool taken = false;
    while (read(fd_.get(), &info, sizeof info) == sizeof info) taken = true;
    return taken;
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  Fd fd_;
};

Result<pid_t> Spawn(const std::string& path, std::vector<std::string>& arguments, BorrowedFd out,
                    BorrowedFd pipe, BorrowedFd passed, const sigset_t& mask) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe.get(), kErrorFd);
  if (passed.get() >= 0) posix_spawn_file_actions_adddup2(&actions, passed.get(), kPassedFd);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // Who waits for a container holds them as well; here nobody does.
  sigset_t wanted = mask;
  for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) sigdelset(&wanted, signal);
  posix_spawnattr_setsigmask(&attributes, &wanted);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int failed = posix_spawn(&pid, path.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return FailErrno("exec", path, failed);
  return pid;
}

// What the child writes until it ends. A signal to us is passed on as SIGTERM: the child may have
// had the keyboard's SIGINT already, and takes a second one for impatience.
Result<std::string> ReadError(BorrowedFd reader, pid_t child, HeldSignals& signals,
                              bool& interrupted) {
  std::string text;
  while (true) {
    std::array<pollfd, 2> slots = {{{reader.get(), POLLIN, 0}, {signals.fd().get(), POLLIN, 0}}};
    if (poll(slots.data(), slots.size(), -1) < 0 && errno != EINTR) return FailErrno("poll", "");
    if (slots[1].revents != 0 && signals.Take()) {
      interrupted = true;
      kill(child, SIGTERM);  // not reaped yet, so the number is still its own
    }
    if (slots[0].revents == 0) continue;
    std::array<char, 4096> buffer;
    ssize_t count = read(reader.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "the error of hoy-image");
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

Result<std::string> SpawnImageProgram(const std::vector<std::string>& globals,
                                      const std::vector<std::string>& words, std::string_view what,
                                      BorrowedFd passed) {
  TRY(std::string path, core::LibexecProgram("hoy-image"));
  std::vector<std::string> arguments = {"hoy"};
  arguments.insert(arguments.end(), globals.begin(), globals.end());
  arguments.push_back(fmt::format("--error-fd={}", kErrorFd));
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "");
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  HeldSignals signals;
  Fd output(memfd_create("hoy-output", MFD_CLOEXEC));
  if (!output) return FailErrno("memfd_create", "output");
  TRY(pid_t pid, Spawn(path, arguments, output, writer, passed, signals.before()));
  core::ChildProcess child(pid, Fd());
  writer.reset();
  bool interrupted = false;
  auto written = ReadError(reader, pid, signals, interrupted);
  TRY(core::ExitStatus status, child.Wait());
  interrupted = signals.Take() || interrupted || status.signal == SIGINT;
  if (status.code == 0 && !interrupted) {
    if (lseek(output.get(), 0, SEEK_SET) < 0) return FailErrno("seek", "output");
    return core::ReadAll(output, "the output of hoy-image");
  }
  if (written && status.code != 0) {
    if (auto error = ErrorFromJson(Trim(*written))) return Fail(*std::move(error));
  }
  if (interrupted) return Fail(ErrorKind::kCancelled, "{}: interrupted", what);
  return Fail(ErrorKind::kSystem, "{}: hoy-image ended with {}", what, status.code);
}

}  // namespace hoy::cli
