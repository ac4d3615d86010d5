#pragma once
// Stopping a container and starting it again: a person's `restart`, and --health-on-failure's.

#include <string>

#include "cli/ui/context.h"
#include "core/engine/stop.h"
#include "core/state/container_record.h"

namespace hoy::cli {

// Success when it runs, also when somebody else was faster. An auto-remove container is kept
// through it.
Result<> RestartContainer(Context& context, const std::string& name, const std::string& id,
                          const core::StopRequest& stop);
// Nobody asked: as its restart policy would, S3 volumes that are out of reach and all, and with
// whoever looks next taking over where this process dies.
Result<> RestartByItself(Context& context, const core::ContainerRecord& record);

}  // namespace hoy::cli
