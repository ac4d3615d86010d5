#include "cli/ops/stop_gently.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class StopCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "stop",
                                        .aliases = "container stop",
                                        .summary = "Stop running containers",
                                        .section = Section::kContainers};
  StopCommand() : Command(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kRunningContainer);
    Option("-s,--signal", &signal_, "SIGNAL", "send this instead of the container's stop signal")
        .Completing(Completes::kSignal);
    Option("-t,--timeout,--time", &timeout_, "SECONDS",
           "how long to wait before killing it; -1: for ever");
  }

  Result<int> Run(Context& context) override {
    TRY(std::optional<int> signal, ParseSignalFlag(signal_));
    TRY(CheckPatience(timeout_));
    return ForEachObjectAtOnce(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      return StopGently(context, name, id, {.timeout_seconds = timeout_, .signal = signal});
    });
  }

 private:
  std::vector<std::string> containers_;
  std::optional<std::string> signal_;
  std::optional<int64_t> timeout_;
};
HOY_REGISTER_COMMAND(StopCommand);

}  // namespace
}  // namespace hoy::cli
