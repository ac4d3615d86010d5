#include "cli/ops/restart_container.h"
#include "cli/ops/stop_gently.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

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
    TRY(CheckPatience(timeout_));
    TRY(core::PrepareLayout(context.layout));
    return ForEachObjectAtOnce(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      return RestartContainer(context, name, id, {.timeout_seconds = timeout_, .signal = signal});
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
