#include "cli/ops/restart_container.h"

#include "cli/ops/network_warnings.h"
#include "cli/ops/pid_file.h"
#include "cli/ops/stop_gently.h"
#include "core/engine/lifecycle.h"
#include "core/engine/restart.h"
#include "core/engine/start.h"
#include "core/engine/state_rules.h"
#include "core/state/event_log.h"

namespace hoy::cli {

Result<> RestartContainer(Context& context, const std::string& name, const std::string& id,
                          const core::StopRequest& stop) {
  TRY(core::ContainerStatus status, core::Heal(context.layout, id));
  TRY(core::Permit(core::Verb::kRestart, status.state, name));
  TRY(core::ContainerRecord record, core::ReadContainer(context.layout, id));
  if (auto checked = CheckPidFile(record.config.pid_file); !checked) {
    return Fail(std::move(checked).error().InContext(fmt::format("restart '{}'", name)));
  }
  Fd kept = core::KeepThroughRestart(context.layout, id);
  TRY(StopGently(context, name, id, stop));
  auto started = core::StartContainer(context.layout, record, {});
  if (!started) {
    if (core::RunsAlready(started.error())) return {};  // somebody was faster
    return Fail(std::move(started).error().InContext(fmt::format("restart '{}'", name)));
  }
  started->monitor.Release();
  for (const std::string& warning : started->warnings) context.Warn(warning);
  core::RecordContainerEvent(context.layout, record, "restart");
  TRY(WritePidFile(record, started->pid));
  WarnOfNetworks(context, record);
  return {};
}

Result<> RestartByItself(Context& context, const core::ContainerRecord& record) {
  Fd kept = core::KeepThroughRestart(context.layout, record.id);
  TRY(core::TakeRestartInHand(context.layout, record.id));
  TRY(core::StopContainer(context.layout, record.id, {.wish = core::Wish::kNobodys}));
  TRY(std::optional<pid_t> pid, core::RestartWhenDue(context.layout, record.id));
  if (!pid) return {};
  core::RecordContainerEvent(context.layout, record, "restart");
  return WritePidFile(record, *pid);
}

}  // namespace hoy::cli
