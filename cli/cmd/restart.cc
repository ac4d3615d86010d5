#include "cli/ops/foreground.h"
#include "cli/ops/stop_gently.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/engine/lifecycle.h"
#include "core/engine/start.h"
#include "core/engine/state_rules.h"
#include "core/state/container_id.h"
#include "core/state/event_log.h"

namespace hoy::cli {
namespace {

class RestartCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "restart",
                                        .aliases = "container restart",
                                        .summary = "Stop containers and start them again",
                                        .section = Section::kContainers};
  RestartCommand() : Command(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kContainer);
    Option("-s,--signal", &signal_, "SIGNAL", "send this instead of the container's stop signal")
        .Completing(Completes::kSignal);
    Option("-t,--timeout,--time", &timeout_, "SECONDS",
           "how long to wait before killing it; -1: for ever");
  }

  Result<int> Run(Context& context) override {
    TRY(std::optional<int> signal, ParseSignalFlag(signal_));
    TRY(core::PrepareLayout(context.layout));
    return ForEachObject(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      TRY(core::ContainerStatus status, core::Heal(context.layout, id));
      TRY(core::Permit(core::Verb::kRestart, status.state, core::ShortId(id)));
      TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
      Fd kept = core::KeepThroughRestart(context.layout, id);
      TRY(StopGently(context, name, id, {.timeout_seconds = timeout_, .signal = signal}));
      auto started = core::StartContainer(context.layout, record, {});
      if (!started) {
        // Somebody else was faster, and it runs: that is what was wanted.
        if (started.error().kind == ErrorKind::kConflict) return {};
        return Fail(std::move(started).error().InContext(fmt::format("restart '{}'", name)));
      }
      started->monitor.Release();
      core::RecordContainerEvent(context.layout, record, "restart");
      return WritePidFile(record, started->pid);
    });
  }

 private:
  std::vector<std::string> containers_;
  std::optional<std::string> signal_;
  std::optional<int64_t> timeout_;
};
HOY_REGISTER_COMMAND(RestartCommand);

}  // namespace
}  // namespace hoy::cli
