#include "core/engine/exec.h"

#include <unistd.h>

#include <algorithm>

#include "cli/ops/environment.h"
#include "cli/ops/option_values.h"
#include "cli/ops/passed_fds.h"
#include "cli/ui/command.h"
#include "core/engine/lifecycle.h"
#include "core/seccomp/capabilities.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr size_t kMaxEnvFile = 1 << 20;

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> lines;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    lines.emplace_back(*variable);
  }
  return lines;
}

class ExecCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "exec",
                                        .aliases = "container exec",
                                        .summary = "Run a command in a running container",
                                        .section = Section::kContainers,
                                        .runs_command = true};
  ExecCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kRunningContainer);
    CommandLine(&command_);
    Flag("-d,--detach", &detach_, "leave it running in the background");
    Flag("-i,--interactive", &interactive_, "pass stdin on");
    Flag("-t,--tty", &tty_, "give it a terminal");
    Option("-e,--env", &env_, "NAME[=VALUE]", "set a variable, or pass the host's value on");
    Option("--env-file", &env_file_, "FILE", "read variables from a file")
        .Completing(Completes::kFile);
    Option("-u,--user", &user_, "USER[:GROUP]", "run as this user, by name or number");
    Option("-w,--workdir", &workdir_, "DIR", "working directory inside the container");
    Flag("--privileged", &privileged_, "all capabilities, no seccomp filter");
    Option("--preserve-fds", &preserve_fds_, "N",
           "pass the open descriptors 3 to 2+N on to the command");
    Option("--detach-keys", &detach_keys_, "KEYS", "keys that leave a terminal session");
    Duration("--timeout", &timeout_, "DURATION",
             "kill it and all that it started after this time; exit code 124");
  }

  Result<int> Run(Context& context) override {
    PassedFds passed;
    if (!preserve_fds_.empty()) {
      TRY(passed, ChoosePassedFds(context, preserve_fds_));
    }
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::JoiningProcess joining,
        core::JoinContainer(context.layout, id,
                            {.detach = detach_,
                             .terminal = tty_,
                             .stdin_open = interactive_ && !detach_,
                             .timeout_ms = (timeout_.value_or(0) + kMillisecond - 1) / kMillisecond,
                             .passed_fds = passed.fds}));
    ClosePassedFds(passed);
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    core::ExecRequest request;
    TRY(request.process, core::DefaultExecProcess(context.layout, record));
    core::ProcessConfig& process = request.process;
    process.args = command_;
    process.terminal = tty_;
    process.stdin_open = interactive_ && !detach_;
    if (!user_.empty()) {
      process.user = user_;
      process.additional_groups.clear();
    }
    if (!workdir_.empty()) {
      if (!workdir_.starts_with('/')) {
        return Fail(UsageError(fmt::format("--workdir: '{}' is not an absolute path", workdir_)));
      }
      process.cwd = workdir_;
    }
    bool other_user = !user_.empty();
    if (other_user) {
      // The home directory is the new user's, unless somebody set it on purpose.
      std::erase_if(process.env,
                    [](const std::string& entry) { return entry.starts_with("HOME="); });
    }
    TRY(process.env, EnvironmentOf(process.env));
    if (privileged_) {
      uint64_t all = core::AvailableCapabilities().bits;
      process.capabilities = {all, all, all, 0, 0};
      process.no_new_privileges = false;
    }
    request.privileged = privileged_;
    request.detach = detach_;
    TRY(request.detach_keys,
        core::ParseDetachKeys(detach_keys_.value_or(std::string(core::kDefaultDetachKeys))));
    if (tty_ && interactive_ && !detach_ && !context.terminal.stdin_is_terminal) {
      context.Warn("stdin is not a terminal: --tty has no effect on it");
    }
    return core::ExecInContainer(context.layout, std::move(joining), record, request);
  }

 private:
  static constexpr int64_t kMillisecond = 1'000'000;

  // The container's, TERM for a terminal, --env-file, -e.
  Result<std::vector<std::string>> EnvironmentOf(const std::vector<std::string>& container) const {
    Environment environment;
    for (const std::string& line : container) environment.SetLine(line);
    if (tty_) environment.Set("TERM", "xterm");
    if (env_.empty() && env_file_.empty()) return environment.Take();
    std::vector<std::string> host = OwnEnvironment();
    for (const std::string& path : env_file_) {
      auto text = core::ReadFile(path, kMaxEnvFile);
      if (!text) return Fail(std::move(text).error().InContext("--env-file"));
      TRY(auto entries, ParseEnvFile(path, *text));
      for (const EnvEntry& entry : entries) {
        // In a file a bare name that the host lacks is skipped; on the command line it unsets.
        if (entry.value || FindVariable(host, entry.name)) environment.Apply(entry, host);
      }
    }
    for (const std::string& typed : env_) {
      TRY(EnvEntry entry, ParseEnv("-e", typed));
      environment.Apply(entry, host);
    }
    return environment.Take();
  }

  std::string container_;
  std::vector<std::string> command_;
  bool detach_ = false;
  bool interactive_ = false;
  bool tty_ = false;
  std::vector<std::string> env_;
  std::vector<std::string> env_file_;
  std::string user_;
  std::string workdir_;
  std::string preserve_fds_;
  bool privileged_ = false;
  std::optional<std::string> detach_keys_;
  std::optional<int64_t> timeout_;  // nanoseconds
};
HOY_REGISTER_COMMAND(ExecCommand);

}  // namespace
}  // namespace hoy::cli
