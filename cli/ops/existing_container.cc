#include "cli/ops/existing_container.h"

#include <cstdlib>
#include <memory>

#include "cli/ops/exec_command.h"
#include "cli/ops/mount_options.h"
#include "core/base/text.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

bool IsImage(const RunOptions& options, const core::ImageIdentity& image) {
  const std::string& typed = options.image;
  if (typed == image.reference) return true;
  constexpr size_t kShortest = 4;  // of an id
  std::string_view id = typed;
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  if (id.size() >= kShortest && image.id.starts_with(id)) return true;
  auto reference = oci::Reference::ParseWithDefaultTag(typed);
  return reference && reference->ToString() == image.name;
}

bool IsRoot(const RunOptions& options, const core::RootDirectory& root) {
  core::RootDirectory wanted = RootDirectoryOf(options.image);
  std::unique_ptr<char, decltype(&std::free)> path(realpath(wanted.path.c_str(), nullptr),
                                                   &std::free);
  return path != nullptr && root.path == path.get() && root.overlay == wanted.overlay;
}

}  // namespace

std::vector<std::string> WantedArguments(const RunOptions& options,
                                         const core::ContainerConfig& config) {
  if (!options.entrypoint && options.command.empty()) return config.process.args;
  std::vector<std::string> arguments = config.entrypoint;
  if (options.entrypoint) {
    arguments.clear();
    if (!options.entrypoint->empty()) arguments.push_back(*options.entrypoint);
  }
  arguments.insert(arguments.end(), options.command.begin(), options.command.end());
  return arguments;
}

Result<> CheckMadeAs(const RunOptions& options, const core::ContainerRecord& record, bool runs) {
  const core::ContainerConfig& config = record.config;
  const core::ProcessConfig& process = config.process;
  auto otherwise = [&](std::string_view what) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--ensure: container {} was made {}", record.name, what))
                    .WithHint(fmt::format("hoy rm {}, or --replace instead of --ensure, makes room "
                                          "for another",
                                          record.name)));
  };
  bool has_root = !config.rootfs.path.empty();
  bool same = options.rootfs ? has_root && IsRoot(options, config.rootfs)
                             : !has_root && IsImage(options, config.image);
  if (!same) return otherwise(fmt::format("of '{}'", config.image.reference));
  if (options.privileged && !config.privileged) return otherwise("without --privileged");
  if (options.rm && !config.auto_remove) return otherwise("without --rm");
  if (!options.workdir.empty() && !options.workdir.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "-w '{}': the path must be absolute", options.workdir);
  }
  if (WantedArguments(options, config).empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--ensure: no command to run");
  }
  if (runs) return {};
  if (WantedArguments(options, config) != process.args) {
    return otherwise(fmt::format("for another command: {}", Join(process.args, " ")));
  }
  if (options.tty && !process.terminal) return otherwise("without --tty");
  if (options.interactive && !process.stdin_open) return otherwise("without --interactive");
  if (!options.user.empty() && options.user != process.user) {
    return otherwise(fmt::format("with --user '{}'", process.user));
  }
  if (!options.workdir.empty() && CleanPath(options.workdir) != process.cwd) {
    return otherwise(fmt::format("with --workdir '{}'", process.cwd));
  }
  ExecOptions environment{.tty = options.tty, .env = options.env, .env_file = options.env_file};
  TRY(std::vector<std::string> env, ExecEnvironment(environment, process.env));
  return env == process.env ? Result<>{} : otherwise("with another environment");
}

}  // namespace hoy::cli
