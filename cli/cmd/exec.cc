#include "cli/ops/exec_command.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"

namespace hoy::cli {
namespace {

class ExecCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "exec",
                                        .aliases = "container exec",
                                        .summary = "Run a command in a running container",
                                        .section = Section::kContainers,
                                        .runs_command = true};
  ExecCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kRunningContainer);
    CommandLine(&options_.command);
    Flag("-d,--detach", &options_.detach, "leave it running in the background");
    Flag("-i,--interactive", &options_.interactive, "pass stdin on");
    Flag("-t,--tty", &options_.tty, "give it a terminal");
    Option("-e,--env", &options_.env, "NAME[=VALUE]",
           "set a variable, or pass the host's value on");
    Option("--env-file", &options_.env_file, "FILE", "read variables from a file")
        .Completing(Completes::kFile);
    Option("-u,--user", &options_.user, "USER[:GROUP]", "run as this user, by name or number");
    Option("-w,--workdir", &options_.workdir, "DIR", "working directory inside the container");
    Flag("--privileged", &options_.privileged, "all capabilities, no seccomp filter");
    Option("--preserve-fds", &options_.preserve_fds, "N",
           "pass the open descriptors 3 to 2+N on to the command");
    Option("--detach-keys", &options_.detach_keys, "KEYS", "keys that leave a terminal session");
    Duration("--timeout", &options_.timeout, "DURATION",
             "kill it and all that it started after this time; exit code 124");
  }

  Result<int> Run(Context& context) override {
    const std::string& workdir = options_.workdir;
    if (!workdir.empty() && !workdir.starts_with('/')) {
      return Fail(UsageError(fmt::format("--workdir: '{}' is not an absolute path", workdir)));
    }
    TRY(std::string id, core::FindContainer(context.layout, container_));
    return ExecCommandIn(context, id, options_);
  }

 private:
  std::string container_;
  ExecOptions options_;
};
HOY_REGISTER_COMMAND(ExecCommand);

}  // namespace
}  // namespace hoy::cli
