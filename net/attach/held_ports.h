#pragma once
// What the monitor of a running container holds of ports of the host, when it is to hold others.
// Under the container's lock; who is killed in between has told of it (core/engine/rewiring.h).

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/attach/network_status.h"

namespace hoy::net {

// It holds none any more.
Result<> FreePorts(const core::Layout& layout, std::string_view id);

// To where they lead now; those that lead nowhere are free. A monitor that does not hear of it
// holds them still.
void MoveHeldPorts(const core::Layout& layout, std::string_view id, const NetworkStatus& status);

// Those of the status, by rules and held, and no others.
Result<> PublishAgain(const core::Layout& layout, std::string_view id, const NetworkStatus& status);

}  // namespace hoy::net
