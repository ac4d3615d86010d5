#include "cli/ops/health_action.h"

#include <signal.h>

#include "cli/ops/restart_container.h"
#include "core/engine/lifecycle.h"
#include "core/engine/stop.h"

namespace hoy::cli {

Result<> ActOnHealth(Context& context, const core::ContainerRecord& record,
                     const core::HealthState& state) {
  core::HealthAction action = core::ActionAfter(*record.config.health, state);
  if (action == core::HealthAction::kNone) return {};
  TRY(core::ContainerStatus status, core::Observe(context.layout, record.id));
  bool same_run = status.run && status.run->started_at == state.started_at;
  if (!same_run || status.state != core::ContainerState::kRunning) return {};
  switch (action) {
    case core::HealthAction::kNone: break;
    case core::HealthAction::kKill:
      return core::KillContainer(context.layout, record.id, SIGKILL, core::Wish::kNobodys);
    case core::HealthAction::kStop: return core::StopContainer(context.layout, record.id, {});
    case core::HealthAction::kRestart: return RestartByItself(context, record);
  }
  return {};
}

}  // namespace hoy::cli
