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

}  // namespace hoy::net
