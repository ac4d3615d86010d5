#include "core/engine/pause.h"

#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class PauseCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "pause",
                                        .aliases = "container pause",
                                        .summary = "Pause running containers",
                                        .section = Section::kContainers};
  PauseCommand() : Command(kInfo) {
    OptionalArguments("CONTAINER", &containers_, Completes::kRunningContainer);
    Flag("-a,--all", &all_, "all that run and are not paused");
  }

  Result<int> Run(Context& context) override {
    if (all_ && !containers_.empty()) {
      return Fail(UsageError("--all and a container exclude each other"));
    }
    if (all_) {
      TRY(std::vector<std::string> ids, core::ListContainerIds(context.layout));
      std::erase_if(ids, [&](const std::string& id) { return !Concerns(context, id); });
      containers_ = std::move(ids);
    } else if (containers_.empty()) {
      return Fail(UsageError("requires at least one container, or --all"));
    }
    return ForEachObject(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      TRY(core::PauseContainer(context.layout, id));
      std::string other = core::HeldUpByPause(context.layout, id);
      if (!other.empty()) {
        context.Warn(
            fmt::format("'{}', in whose PID namespace {} is, cannot end by itself before "
                        "the unpause (cgroup v1)",
                        other, name));
      }
      return {};
    });
  }

 private:
  static bool Concerns(const Context& context, const std::string& id) {
    auto status = core::Observe(context.layout, id);
    return status && status->state == core::ContainerState::kRunning;
  }

  std::vector<std::string> containers_;
  bool all_ = false;
};
HOY_REGISTER_COMMAND(PauseCommand);

}  // namespace
}  // namespace hoy::cli
