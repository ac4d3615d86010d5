#pragma once
// A container's state in the words of docker's tables.

#include <string>

#include "core/engine/lifecycle.h"
#include "core/state/container_record.h"
#include "core/state/health_state.h"

namespace hoy::cli {

// "Up 3 days (Paused)", "Exited (137) 3 days ago", "Exited (unknown) ...", "Created",
// "Restarting (1) 3 seconds ago"; ours: "Failed (127) ...", "Up 3 days (Stopping)",
// "Initializing".
// `health` of one that runs shows as "Up 3 days (healthy)", "(unhealthy)", "(health: starting)".
std::string StatusText(const core::ContainerStatus& status, core::HealthStatus health,
                       core::Timestamp now);

// The command as ps shows it: arguments with blanks between '', cut to 20 columns with an ellipsis
// unless `whole`, and then quoted as Go does it.
std::string CommandText(const std::vector<std::string>& command, bool whole);

// "2026-11-22 13:07:00 +0000 UTC", docker's CreatedAt.
std::string DateText(core::Timestamp time);

}  // namespace hoy::cli
