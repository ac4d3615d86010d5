#include "cli/ops/exec_command.h"

#include <unistd.h>

#include <algorithm>

#include "cli/ops/deaf_process.h"
#include "cli/ops/environment.h"
#include "cli/ops/option_values.h"
#include "cli/ops/passed_fds.h"
#include "core/engine/exec.h"
#include "core/engine/lifecycle.h"
#include "core/seccomp/capabilities.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr size_t kMaxEnvFile = 1 << 20;

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> lines;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    lines.emplace_back(*variable);
  }
  return lines;
}

}  // namespace

Result<std::vector<std::string>> ExecEnvironment(const ExecOptions& options,
                                                 const std::vector<std::string>& container) {
  Environment environment;
  for (const std::string& line : container) environment.SetLine(line);
  if (options.tty) environment.Set("TERM", "xterm");
  if (options.env.empty() && options.env_file.empty()) return environment.Take();
  std::vector<std::string> host = OwnEnvironment();
  for (const std::string& path : options.env_file) {
    auto text = core::ReadFile(path, kMaxEnvFile);
    if (!text) return Fail(std::move(text).error().InContext("--env-file"));
    TRY(auto entries, ParseEnvFile(path, *text));
    for (const EnvEntry& entry : entries) {
      // In a file a bare name that the host lacks is skipped; on the command line it unsets.
      if (entry.value || FindVariable(host, entry.name)) environment.Apply(entry, host);
    }
  }
  for (const std::string& typed : options.env) {
    TRY(EnvEntry entry, ParseEnv("-e", typed));
    environment.Apply(entry, host);
  }
  return environment.Take();
}

Result<int> ExecCommandIn(Context& context, const std::string& id, const ExecOptions& options) {
  PassedFds passed;
  if (!options.preserve_fds.empty()) {
    TRY(passed, ChoosePassedFds(context, options.preserve_fds));
  }
  TRY(core::JoiningProcess joining,
      core::JoinContainer(
          context.layout, id,
          {.detach = options.detach,
           .terminal = options.tty,
           .stdin_open = options.interactive && !options.detach,
           .timeout_ms = (options.timeout.value_or(0) + kMillisecond - 1) / kMillisecond,
           .passed_fds = passed.fds}));
  ClosePassedFds(passed);
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  core::ExecRequest request;
  TRY(request.process, core::DefaultExecProcess(context.layout, record));
  core::ProcessConfig& process = request.process;
  process.args = options.command;
  process.terminal = options.tty;
  process.stdin_open = options.interactive && !options.detach;
  if (!options.user.empty()) {
    process.user = options.user;
    process.additional_groups.clear();
  }
  if (!options.workdir.empty()) process.cwd = options.workdir;
  bool other_user = !options.user.empty();
  if (other_user) {
    // The home directory is the new user's, unless somebody set it on purpose.
    std::erase_if(process.env, [](const std::string& entry) { return entry.starts_with("HOME="); });
  }
  TRY(process.env, ExecEnvironment(options, process.env));
  if (options.privileged) {
    uint64_t all = core::AvailableCapabilities().bits;
    process.capabilities = {all, all, all, 0, 0};
    process.no_new_privileges = false;
  }
  request.privileged = options.privileged;
  request.detach = options.detach;
  TRY(request.detach_keys,
      core::ParseDetachKeys(options.detach_keys.value_or(std::string(core::kDefaultDetachKeys))));
  request.deaf = [&](core::SignalEffect effect, int signal, int more) {
    context.Warn(DescribeKilling(options.command.front(), effect, signal, more));
  };
  if (options.tty && options.interactive && !options.detach &&
      !context.terminal.stdin_is_terminal) {
    context.Warn("stdin is not a terminal: --tty has no effect on it");
  }
  return core::ExecInContainer(context.layout, std::move(joining), record, request);
}

}  // namespace hoy::cli
