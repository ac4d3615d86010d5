#include "cli/ops/spawn_pull.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "cli/ui/report.h"
#include "core/base/text.h"
#include "core/engine/program_path.h"
#include "core/sys/files.h"
#include "core/sys/process.h"

namespace hoy::cli {
namespace {

constexpr int kErrorFd = 3;  // the child's number of the pipe it writes its error to

std::string_view NameOf(ProgressMode mode) {
  switch (mode) {
    case ProgressMode::kAuto: return "auto";
    case ProgressMode::kLive: return "tty";
    case ProgressMode::kPlain: return "plain";
    case ProgressMode::kJson: return "json";
    case ProgressMode::kNone: return "none";
  }
  return "auto";
}

std::vector<std::string> ArgumentsOf(const Context& context, const PullOptions& options,
                                     ProgressMode progress) {
  std::vector<std::string> arguments = {"hoy"};
  for (const std::string& global : context.globals) arguments.push_back(global);
  arguments.push_back(fmt::format("--error-fd={}", kErrorFd));
  arguments.emplace_back("pull");
  arguments.push_back(fmt::format("--progress={}", NameOf(progress)));
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) arguments.push_back(fmt::format("--{}={}", name, value));
  };
  add("platform", options.platform);
  add("creds", options.creds);
  add("authfile", options.authfile);
  add("cert-dir", options.cert_dir);
  if (options.tls_verify) add("tls-verify", *options.tls_verify ? "true" : "false");
  arguments.emplace_back("--");
  arguments.push_back(options.reference);
  return arguments;
}

// The keyboard's signals are for the child while we wait for it. They are held, not ignored as
// system(3) does: a ^C that came when the child had just succeeded must still end us.
class HoldKeyboard {
 public:
  HoldKeyboard() { sigprocmask(SIG_BLOCK, &Signals(), &before_); }
  ~HoldKeyboard() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  // Whether ^C or ^\ was pressed; it is used up then.
  static bool TakePressed() {
    constexpr timespec kNow{};
    bool pressed = false;
    while (sigtimedwait(&Signals(), nullptr, &kNow) > 0) pressed = true;
    return pressed;
  }
  const sigset_t& before() const { return before_; }

 private:
  static const sigset_t& Signals() {
    static const sigset_t signals = [] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGINT);
      sigaddset(&set, SIGQUIT);
      return set;
    }();
    return signals;
  }
  sigset_t before_{};
};

Result<pid_t> Spawn(const std::string& path, std::vector<std::string>& arguments, BorrowedFd out,
                    BorrowedFd pipe, const sigset_t& mask) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe.get(), kErrorFd);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int failed = posix_spawn(&pid, path.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return FailErrno("exec", path, failed);
  return pid;
}

struct Pipe {
  Fd reader;
  Fd writer;

  static Result<Pipe> Make() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "");
    return Pipe{.reader = Fd(ends[0]), .writer = Fd(ends[1])};
  }
};

Result<core::ExitStatus> WaitFor(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return FailErrno("waitpid", "hoy-image");
  }
  return core::FromWaitStatus(wait_status);
}

}  // namespace

Result<std::vector<std::string>> SpawnPull(const Context& context, const PullOptions& options,
                                           ProgressMode progress) {
  TRY(std::string path, core::LibexecProgram("hoy-image"));
  std::vector<std::string> arguments = ArgumentsOf(context, options, progress);
  TRY(Pipe errors, Pipe::Make());
  TRY(Pipe names, Pipe::Make());
  HoldKeyboard keyboard;
  TRY(pid_t pid, Spawn(path, arguments, names.writer, errors.writer, keyboard.before()));
  errors.writer.reset();
  names.writer.reset();
  TRY(std::string text, core::ReadAll(names.reader, "the names from hoy-image"));
  auto written = core::ReadAll(errors.reader, "the error of hoy-image");
  TRY(core::ExitStatus status, WaitFor(pid));
  bool interrupted = HoldKeyboard::TakePressed() || status.signal == SIGINT;
  if (status.code == 0 && !interrupted) {
    std::vector<std::string> pulled;
    for (std::string_view name : Split(Trim(text), '\n')) pulled.emplace_back(name);
    return pulled;
  }
  if (written && status.code != 0) {
    if (auto error = ErrorFromJson(Trim(*written))) return Fail(*std::move(error));
  }
  if (interrupted) {
    return Fail(ErrorKind::kCancelled, "pull '{}': interrupted", options.reference);
  }
  return Fail(ErrorKind::kSystem, "pull '{}': hoy-image ended with {}", options.reference,
              status.code);
}

}  // namespace hoy::cli
