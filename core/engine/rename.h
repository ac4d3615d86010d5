#pragma once
// Another name for a container, also for one that runs.

#include <string>

#include "core/base/result.h"
#include "core/state/layout.h"

namespace hoy::core {

// Returns the old name. kAlreadyExists: the new one is in use. kInvalidArgument: it cannot be a
// name, or is the container's own already. kConflict: its state forbids it.
Result<std::string> RenameTo(const Layout& layout, std::string_view id, const std::string& name);

}  // namespace hoy::core
