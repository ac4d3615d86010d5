#include "cli/ops/health_action.h"
#include "cli/ui/command.h"
#include "core/engine/health.h"

namespace hoy::cli {
namespace {

class HealthcheckRunCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "healthcheck run",
                                        .summary = "Check the health of a running container now",
                                        .section = Section::kContainers};
  HealthcheckRunCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kRunningContainer);
  }

  Result<int> Run(Context& context) override {
    constexpr int kUnhealthy = 1;
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    TRY(std::optional<core::HealthState> state, core::ProbeHealth(context.layout, record));
    if (!state) {
      return Fail(ErrorKind::kConflict, "container '{}' was paused or ended during the check",
                  container_);
    }
    if (state->log.back().exit_code == 0) return 0;
    // In the start period it does not count yet.
    bool starting = state->status == core::HealthStatus::kStarting && state->failing_streak == 0;
    context.out.Print("{}\n", starting ? "starting" : "unhealthy");
    TRY(context.out.Flush());
    TRY(ActOnHealth(context, record, *state));
    return kUnhealthy;
  }

 private:
  std::string container_;
};
HOY_REGISTER_COMMAND(HealthcheckRunCommand);

}  // namespace
}  // namespace hoy::cli
