#pragma once
// What --health-on-failure does to a container whose probe has failed.

#include "cli/ui/context.h"
#include "core/state/container_record.h"
#include "core/state/health_state.h"

namespace hoy::cli {

// Nothing, unless `state` is unhealthy and that very run is still on. A kill leaves what follows to
// the restart policy; stop and restart are the verbs.
Result<> ActOnHealth(Context& context, const core::ContainerRecord& record,
                     const core::HealthState& state);

}  // namespace hoy::cli
