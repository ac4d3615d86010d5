#include "cli/ops/foreground.h"
#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "core/engine/lifecycle.h"
#include "core/engine/start.h"

namespace hoy::cli {
namespace {

class SystemRestoreCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "system restore",
      .summary = "Start what the restart policies say, after a reboot",
      .section = Section::kSystem};
  SystemRestoreCommand() : Command(kInfo) {}

  Result<int> Run(Context& context) override {
    TRY(core::PrepareLayout(context.layout));
    TRY(std::vector<std::string> ids, core::ListContainerIds(context.layout));
    int exit_code = 0;
    for (const std::string& id : ids) {
      auto restored = Restore(context, id);
      if (restored || restored.error().kind == ErrorKind::kNotFound) continue;
      context.Report(restored.error());
      exit_code = kExitFailed;
    }
    return exit_code;
  }

 private:
  static Result<> Restore(Context& context, const std::string& id) {
    TRY(core::ContainerStatus status, core::Heal(context.layout, id));
    if (!status.IsDown() || !status.exit) return {};  // it runs, or was never started
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    TRY(core::RestartState restart, core::ReadRestartState(context.layout, id));
    if (!core::IsToBeRestored(record.config.restart, restart, *status.exit)) return {};
    auto started = core::StartContainer(context.layout, record, {});
    if (!started) {
      if (core::RunsAlready(started.error())) return {};  // somebody was faster
      return Fail(std::move(started).error().InContext(fmt::format("start '{}'", record.name)));
    }
    started->monitor.Release();
    TRY(WritePidFile(record, started->pid));
    context.out.Print("{}\n", record.name);
    return context.out.Flush();
  }
};
HOY_REGISTER_COMMAND(SystemRestoreCommand);

}  // namespace
}  // namespace hoy::cli
