#include "cli/ui/command.h"
#include "core/engine/lifecycle.h"

namespace hoy::cli {
namespace {

// What hoy-monitor becomes when its container has ended and no client is there to do it.
class CleanUpCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__cleanup",
                                        .summary = "Clean up after a container that has ended",
                                        .section = Section::kSystem,
                                        .hidden = true};
  CleanUpCommand() : Command(kInfo) { Argument("CONTAINER", &id_); }

  Result<int> Run(Context& context) override {
    TRY(core::CleanUp(context.layout, id_, core::MonitorDuty::kOurs));
    return 0;
  }

 private:
  std::string id_;
};
HOY_REGISTER_COMMAND(CleanUpCommand);

}  // namespace
}  // namespace hoy::cli
