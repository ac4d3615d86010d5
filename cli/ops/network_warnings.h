#pragma once
// What a user is to know of a container's networks that is no error.

#include "cli/ui/context.h"
#include "core/state/container_record.h"

namespace hoy::cli {

// Of a container that has come to a network, by its start or by connect, in the process that did
// it. All that the others of these say, and: that iptables had to do, said once until the next
// boot; each chain of other firewalls that would drop what goes to a published port, with the
// command that helps. Of what a container without published ports sends that is said once until the
// next boot.
void WarnOfNetworks(Context& context, const core::ContainerRecord& record);
// Of one that runs, whose networks have changed: published ports that are not reached by all, and
// servers of --dns that are not asked as they were named.
void WarnOfPorts(Context& context, const core::ContainerRecord& record);
// Members of its networks whose hosts files could not be written.
void WarnOfHosts(Context& context);

}  // namespace hoy::cli
