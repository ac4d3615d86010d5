#pragma once
// What may be in the way of a container's published ports besides hoy itself.

#include "cli/ui/context.h"
#include "core/state/container_record.h"

namespace hoy::cli {

// After its start: a warning for each chain of other firewalls that would drop what goes to it,
// with the command that helps. Nothing is read for a container without published ports.
void WarnOfBlockers(Context& context, const core::ContainerRecord& record);

}  // namespace hoy::cli
