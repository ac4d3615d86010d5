#pragma once
// Leases as the start of a container takes them: what the dead have kept is given out again.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/state/network_store.h"

namespace hoy::net {

// TakeLease; when it finds nothing free, once more after the stale leases of the network are gone.
// An address in use is said to be so with the name of the container.
Result<IpAddress> LeaseAddress(const core::Layout& layout, const NetworkRecord& network,
                               const AddressPool& pool, std::string_view container_id,
                               const std::optional<IpAddress>& wanted,
                               std::span<const IpAddress> reserved = {});

// Leases of containers without a run directory, which comes before the lease and goes after it.
// Containers that a crash has left are healed first. The number of leases freed.
Result<int> SweepLeases(const core::Layout& layout, const NetworkRecord& network);
// Its two steps. Healing takes the locks of containers, which come before this one.
Result<> HealHolders(const core::Layout& layout, const NetworkRecord& network);
Result<int> SweepLeases(const core::Layout& layout, const NetworkRecord& network,
                        const NetworksLock& lock);

// Ids of the containers that have leases.
Result<std::vector<std::string>> HoldersOf(const core::Layout& layout,
                                           const NetworkRecord& network);

}  // namespace hoy::net
