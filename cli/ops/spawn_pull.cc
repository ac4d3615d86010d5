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

// As system(3): the keyboard's signals are for the child while we wait for it.
class IgnoreKeyboard {
 public:
  IgnoreKeyboard() {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &ignore, &saved_[i]);
  }
  ~IgnoreKeyboard() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &saved_[i], nullptr);
  }
  static constexpr std::array<int, 2> kSignals = {SIGINT, SIGQUIT};

 private:
  std::array<struct sigaction, 2> saved_{};
};

Result<pid_t> Spawn(const std::string& path, std::vector<std::string>& arguments, BorrowedFd pipe) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe.get(), kErrorFd);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (int signal : IgnoreKeyboard::kSignals) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  int failed = posix_spawn(&pid, path.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return FailErrno("exec", path, failed);
  return pid;
}

Result<core::ExitStatus> WaitFor(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) return FailErrno("waitpid", "hoy-image");
  }
  return core::FromWaitStatus(wait_status);
}

}  // namespace

Result<> SpawnPull(const Context& context, const PullOptions& options, ProgressMode progress) {
  TRY(std::string path, core::LibexecProgram("hoy-image"));
  std::vector<std::string> arguments = ArgumentsOf(context, options, progress);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe", "");
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  IgnoreKeyboard ignore_keyboard;
  TRY(pid_t pid, Spawn(path, arguments, writer));
  writer.reset();
  auto written = core::ReadAll(reader, "the error of hoy-image");
  TRY(core::ExitStatus status, WaitFor(pid));
  if (status.code == 0 && status.signal == 0) return {};
  if (written) {
    if (auto error = ErrorFromJson(Trim(*written))) return Fail(*std::move(error));
  }
  return Fail(ErrorKind::kSystem, "pull '{}': hoy-image ended with {}", options.reference,
              status.code);
}

}  // namespace hoy::cli
