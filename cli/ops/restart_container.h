#pragma once
// Stopping a container and starting it again, for `restart` and for --health-on-failure.

#include <string>

#include "cli/ui/context.h"
#include "core/engine/stop.h"

namespace hoy::cli {

// Success when it runs, also when somebody else was faster. An auto-remove container is kept
// through it.
Result<> RestartContainer(Context& context, const std::string& name, const std::string& id,
                          const core::StopRequest& stop);

}  // namespace hoy::cli
