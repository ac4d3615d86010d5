#pragma once
// --pidfile.

#include <sys/types.h>

#include <string>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::cli {

// Before anything is made or started: its directory is there and may be written to. Empty: there
// is none, and nothing to say.
Result<> CheckPidFile(const std::string& path);

// The same for a container that is about to be started. One that runs already writes nothing, and
// is no error.
Result<> CheckPidFile(const core::Layout& layout, const core::ContainerRecord& record);

// Writes it, when the container has one.
Result<> WritePidFile(const core::ContainerRecord& record, pid_t pid);

}  // namespace hoy::cli
