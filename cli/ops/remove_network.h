#pragma once

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/state/network_record.h"

namespace hoy::cli {

// Its bridge, its rules and its record. kConflict: containers on it run; kInvalidArgument: it is
// one of those that are always there.
Result<> RemoveUnusedNetwork(const core::Layout& layout, const net::NetworkRecord& network);

}  // namespace hoy::cli
