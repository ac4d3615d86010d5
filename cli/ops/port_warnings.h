#pragma once
// What a user is to know of the firewall that a container's networks have.

#include "cli/ui/context.h"
#include "core/state/container_record.h"

namespace hoy::cli {

// After its start, in the process that started it: that iptables had to do, said once until the
// next boot; and a warning for each chain of other firewalls that would drop what goes to it,
// with the command that helps. Of what a container without published ports sends that is said once
// until the next boot.
void WarnOfBlockers(Context& context, const core::ContainerRecord& record);

}  // namespace hoy::cli
