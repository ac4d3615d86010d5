#include <set>

#include "cli/ops/pid_file.h"
#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "core/engine/joined_namespaces.h"
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
    for (const std::string& id : ids) RestoreWithJoined(context, id);
    return exit_code_;
  }

 private:
  // Those come first whose namespaces it joins.
  void RestoreWithJoined(Context& context, const std::string& id) {
    if (!seen_.insert(id).second) return;
    auto restored = Restore(context, id);
    if (restored || restored.error().kind == ErrorKind::kNotFound) return;
    context.Report(restored.error());
    exit_code_ = kExitFailed;
  }

  Result<> Restore(Context& context, const std::string& id) {
    TRY(core::ContainerStatus status, core::Heal(context.layout, id));
    if (!status.IsDown() || !status.exit) return {};  // it runs, or was never started
    TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
    TRY(core::RestartState restart, core::ReadRestartState(context.layout, id));
    if (!core::IsToBeRestored(record.config.restart, restart, *status.exit)) return {};
    for (const std::string& joined : core::JoinedContainers(record.config)) {
      RestoreWithJoined(context, joined);
    }
    auto started =
        core::StartContainer(context.layout, record, {.reason = core::StartReason::kRestore});
    if (!started) {
      if (core::RunsAlready(started.error())) return {};  // somebody was faster
      return Fail(std::move(started).error().InContext(fmt::format("start '{}'", record.name)));
    }
    started->monitor.Release();
    for (const std::string& warning : started->warnings) context.Warn(warning);
    TRY(WritePidFile(record, started->pid));
    context.out.Print("{}\n", record.name);
    return context.out.Flush();
  }

  std::set<std::string> seen_;
  int exit_code_ = 0;
};
HOY_REGISTER_COMMAND(SystemRestoreCommand);

}  // namespace
}  // namespace hoy::cli
