#include "core/engine/exec.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/ops/passed_fds.h"
#include "cli/ui/command.h"
#include "core/base/text.h"
#include "core/engine/lifecycle.h"
#include "core/seccomp/capabilities.h"

namespace hoy::cli {
namespace {

// "NAME=value" replaces, "NAME" imports ours when we have it.
void SetVariable(std::vector<std::string>& environment, const std::string& typed) {
  auto [name, value] = CutAt(typed, '=');
  std::string prefix = std::string(name) + "=";
  std::string entry = typed;
  if (!value) {
    const char* ours = getenv(std::string(name).c_str());
    if (ours == nullptr) return;
    entry = prefix + ours;
  }
  std::erase_if(environment, [&](const std::string& old) { return old.starts_with(prefix); });
  environment.push_back(std::move(entry));
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
    Option("-u,--user", &user_, "USER[:GROUP]", "run as this user, by name or number");
    Option("-w,--workdir", &workdir_, "DIR", "working directory inside the container");
    Flag("--privileged", &privileged_, "all capabilities, no seccomp filter");
    Option("--preserve-fds", &preserve_fds_, "N",
           "pass the open descriptors 3 to 2+N on to the command");
    Option("--detach-keys", &detach_keys_, "KEYS", "keys that leave a terminal session");
  }

  Result<int> Run(Context& context) override {
    PassedFds passed;
    if (!preserve_fds_.empty()) {
      TRY(passed, ChoosePassedFds(context, preserve_fds_));
    }
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::JoiningProcess joining,
        core::JoinContainer(context.layout, id,
                            {detach_, tty_ && !detach_, interactive_ && !detach_, passed.fds}));
    ClosePassedFds(passed);
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    core::ExecRequest request;
    request.process = core::DefaultExecProcess(record);
    core::ProcessConfig& process = request.process;
    process.args = command_;
    process.terminal = tty_ && !detach_;
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
    if (process.terminal) SetVariable(process.env, "TERM=xterm");
    for (const std::string& typed : env_) SetVariable(process.env, typed);
    if (privileged_) {
      uint64_t all = core::AvailableCapabilities().bits;
      process.capabilities = {all, all, all, 0, 0};
      process.no_new_privileges = false;
    }
    request.privileged = privileged_;
    request.detach = detach_;
    TRY(request.detach_keys,
        core::ParseDetachKeys(detach_keys_.value_or(std::string(core::kDefaultDetachKeys))));
    if (tty_ && interactive_ && !context.terminal.stdin_is_terminal) {
      context.Warn("stdin is not a terminal: --tty has no effect on it");
    }
    return core::ExecInContainer(std::move(joining), record, request);
  }

 private:
  std::string container_;
  std::vector<std::string> command_;
  bool detach_ = false;
  bool interactive_ = false;
  bool tty_ = false;
  std::vector<std::string> env_;
  std::string user_;
  std::string workdir_;
  std::string preserve_fds_;
  bool privileged_ = false;
  std::optional<std::string> detach_keys_;
};
HOY_REGISTER_COMMAND(ExecCommand);

}  // namespace
}  // namespace hoy::cli
