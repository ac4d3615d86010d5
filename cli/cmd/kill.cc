#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/engine/stop.h"
#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

class KillCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "kill",
                                        .aliases = "container kill",
                                        .summary = "Send a signal to running containers",
                                        .section = Section::kContainers};
  KillCommand() : Command(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kRunningContainer);
    Option("-s,--signal", &signal_, "SIGNAL", "KILL when not given; a name or a number")
        .Completing(Completes::kSignal);
  }

  Result<int> Run(Context& context) override {
    auto signal = core::ParseSignal(signal_);
    if (!signal) return Fail(UsageError(fmt::format("--signal: no such signal: '{}'", signal_)));
    return ForEachObject(context, containers_, [&](const std::string& name) -> Result<> {
      TRY(std::string id, core::FindContainer(context.layout, name));
      return core::KillContainer(context.layout, id, *signal);
    });
  }

 private:
  std::vector<std::string> containers_;
  std::string signal_ = "KILL";
};
HOY_REGISTER_COMMAND(KillCommand);

}  // namespace
}  // namespace hoy::cli
