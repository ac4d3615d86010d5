#pragma once
// What crashes, and people with ip(8) and nft(8), left of networks, found and mended: leases and
// published ports of containers that run no more, bridges that are gone or have lost their links,
// rules that are missing, forwarding that is off. Rules of others that are in a network's way are
// found, and how to let it through told. A container goes on meanwhile, and finds its
// connections as they were.

#include <vector>

#include "core/engine/finding.h"
#include "core/state/layout.h"

namespace hoy::net {

// Containers have been checked before: those that a crash left are healed.
std::vector<core::Finding> CheckNetworks(const core::Layout& layout, core::CheckMode mode);

}  // namespace hoy::net
