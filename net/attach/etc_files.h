#pragma once
// RUN's hosts and resolv.conf of a container that this room wires.

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"

namespace hoy::net {

// Who shares another container's namespace shares its files as well: they are the same, also when
// they change.
Result<> WriteEtcFiles(const core::Layout& layout, const core::ContainerRecord& record,
                       const NetworkStatus& status);
// kInvalidArgument: --add-host names the host, and none of its networks leads there (macvlan).
// WriteEtcFiles says so, too.
Result<> CheckWayToHost(const core::Layout& layout, const core::NetworkConfig& config,
                        const NetworkStatus& status);
// The host's names in the hosts file of one that runs, for its networks as they are now. Waits for
// whoever writes the names of members.
Result<> NameHost(const core::Layout& layout, const core::ContainerRecord& record,
                  const NetworkStatus& status);

// Whether its programs ask the monitor for names: on networks that know some, as docker's.
bool WantsResolver(const NetworkStatus& status);
// Whether they do in this run.
bool HasResolver(const core::Layout& layout, std::string_view id);
// From now on they do: the monitor has it. Over what resolv.conf says, in place.
Result<> UseResolver(const core::Layout& layout, const core::ContainerRecord& record,
                     const NetworkStatus& status);
// Whom the resolver asks, if there is one: nobody, while the container's networks lead nowhere.
Result<> WriteServers(const core::Layout& layout, const core::ContainerRecord& record,
                      const NetworkStatus& status);

}  // namespace hoy::net
