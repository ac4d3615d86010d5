#include "core/engine/update.h"

#include "cli/ops/host_facts.h"
#include "cli/ops/limit_flags.h"
#include "cli/ops/limit_options.h"
#include "cli/ops/option_values.h"
#include "cli/ui/objects.h"
#include "core/state/container_record.h"

namespace hoy::cli {
namespace {

// What docker has flags for and no cgroup of today does.
struct Unavailable {
  std::string_view flag;
  std::string_view help;
  std::string_view why;
};
constexpr Unavailable kUnavailable[] = {
    {"--kernel-memory", "not available: a warning", "the kernel counts its own memory to --memory"},
    {"--cpu-rt-period", "not available: a warning", "cgroups do not limit real-time scheduling"},
    {"--cpu-rt-runtime", "not available: a warning", "cgroups do not limit real-time scheduling"},
};

class UpdateCommand final : public LimitedCommand {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "update",
      .aliases = "container update",
      .summary = "Change the limits and the restart policy of containers",
      .section = Section::kContainers};
  UpdateCommand() : LimitedCommand(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kContainer);
    AddLimitFlags(options_);
    Option("--restart", &restart_, "POLICY",
           "what happens when it has exited: no, on-failure[:N], always, unless-stopped")
        .Completing(Completes::kRestartPolicy);
    for (const Unavailable& each : kUnavailable) {
      Option(
          each.flag,
          [this, &each](std::string_view) -> Result<> {
            unavailable_.push_back(&each);
            return {};
          },
          "N", each.help);
    }
  }

  Result<int> Run(Context& context) override {
    for (const Unavailable* each : unavailable_) {
      context.Warn(fmt::format("{} has no effect: {}", each->flag, each->why));
    }
    // docker's zero here is "unlimited", where it is "not given" in run.
    if (options_.pids_limit == "0") options_.pids_limit = "-1";
    TRY(HostFacts facts, GatherHostFacts(options_));
    core::ContainerUpdate update;
    TRY(update.limits, ParseLimitChanges(options_, facts));
    if (restart_) {
      TRY(update.restart, ParseRestartPolicy(*restart_));
    }
    bool changes = update.limits != core::ResourceLimits{} || update.restart;
    if (!changes && unavailable_.empty()) {
      return Fail(UsageError("nothing to change: give at least one limit, or --restart"));
    }
    return ForEachObject(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      return core::UpdateContainer(context.layout, id, update);
    });
  }

 private:
  RunOptions options_;
  std::optional<std::string> restart_;
  std::vector<std::string> containers_;
  std::vector<const Unavailable*> unavailable_;
};
HOY_REGISTER_COMMAND(UpdateCommand);

}  // namespace
}  // namespace hoy::cli
