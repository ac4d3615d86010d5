#pragma once
// What a removal that was killed left of a network on the host, and containers whose network is
// gone from under them.

#include <vector>

#include "core/engine/finding.h"
#include "core/state/layout.h"

namespace hoy::net {

std::vector<core::Finding> CheckOrphans(const core::Layout& layout, core::CheckMode mode);

}  // namespace hoy::net
