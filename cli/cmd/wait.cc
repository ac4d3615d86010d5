#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "cli/ui/objects.h"
#include "core/engine/stop.h"

namespace hoy::cli {
namespace {

class WaitCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "wait",
                                        .aliases = "container wait",
                                        .summary = "Wait until containers have exited",
                                        .section = Section::kContainers};
  WaitCommand() : Command(kInfo) {
    Arguments("CONTAINER", &containers_, Completes::kRunningContainer);
    Duration("--timeout", &timeout_, "TIME", "give up after this time, with exit code 124");
  }

  Result<int> Run(Context& context) override {
    int64_t timeout_ms = timeout_ ? *timeout_ / 1'000'000 : -1;
    bool timed_out = false;
    int exit_code = ForEachObject(
        context, containers_,
        [&](const std::string& name) -> Result<> {
          TRY(std::string id, core::FindContainer(context.layout, name));
          auto ended = core::WaitForExit(context.layout, id, timeout_ms);
          timed_out |= !ended && ended.error().kind == ErrorKind::kTimeout;
          TRY(core::ExitRecord exit, std::move(ended));
          if (!exit.known) {
            context.Warn(
                fmt::format("the exit status of '{}' is unknown: its monitor was lost", name));
          }
          context.out.Print("{}\n", exit.exit_code);
          return {};
        },
        false);
    return timed_out ? kExitTimeout : exit_code;
  }

 private:
  std::vector<std::string> containers_;
  std::optional<int64_t> timeout_;
};
HOY_REGISTER_COMMAND(WaitCommand);

}  // namespace
}  // namespace hoy::cli
