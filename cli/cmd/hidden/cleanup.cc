#include "cli/ops/pid_file.h"
#include "cli/ui/command.h"
#include "core/engine/lifecycle.h"
#include "core/engine/restart.h"

namespace hoy::cli {
namespace {

// What hoy-monitor becomes when its container has ended and no client is there to do it; also the
// process that starts it again when its restart policy says so.
class CleanUpCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__cleanup",
                                        .summary = "Clean up after a container that has ended",
                                        .section = Section::kSystem,
                                        .hidden = true};
  CleanUpCommand() : Command(kInfo) { Argument("CONTAINER", &id_); }

  Result<int> Run(Context& context) override {
    TRY(core::CleanUpEnd end, core::CleanUp(context.layout, id_));
    if (end != core::CleanUpEnd::kRestarts) return 0;
    TRY(std::optional<pid_t> pid, core::RestartWhenDue(context.layout, id_));
    if (!pid) return 0;
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id_));
    TRY(WritePidFile(record, *pid));
    return 0;
  }

 private:
  std::string id_;
};
HOY_REGISTER_COMMAND(CleanUpCommand);

}  // namespace
}  // namespace hoy::cli
