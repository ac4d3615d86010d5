#pragma once
// What --network named, looked up: the record of a container keeps names of networks and the id of
// another container, whatever was typed.

#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::cli {

// kNotFound: no such network, container or namespace; the hint says how to make one.
Result<> ResolveNetworks(const core::Layout& layout, core::NetworkConfig& config);

}  // namespace hoy::cli
