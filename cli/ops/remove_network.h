#pragma once

#include <string>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "net/state/network_record.h"

namespace hoy::cli {

// Its bridge, its rules and its record. kConflict: containers on it run; kInvalidArgument: it is
// one of those that are always there; kNotFound: somebody has removed it meanwhile.
Result<> RemoveUnusedNetwork(const core::Layout& layout, const net::NetworkRecord& network);
// One whose record cannot be read. kConflict, kNotFound: the same.
Result<> RemoveDamagedNetwork(const core::Layout& layout, const std::string& name);

}  // namespace hoy::cli
