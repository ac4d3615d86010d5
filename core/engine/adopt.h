#pragma once
// A new monitor for a container whose own was killed.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"

namespace hoy::core {

// Starts hoy-monitor in mode kAdopt: it reads on from the FIFOs, or from the pty that the keeper
// (core/monitor/keeper.h) has held meanwhile, and takes the exit status through a pidfd.
Result<> Adopt(const Layout& layout, std::string_view id, const RunState& run,
               const ContainerLock& lock);

// argv of the clean-up that a monitor execs when its container has ended.
std::vector<std::string> CleanUpCommand(const Layout& layout, std::string_view id);
// argv, but for the exit code, of what tells of the end of a detached session of `hoy exec`.
std::vector<std::string> ExecEndedCommand(const Layout& layout, std::string_view id,
                                          std::string_view session);
// argv of the process that it starts when a probe of the container's health is due.
std::vector<std::string> ProbeCommand(const Layout& layout, std::string_view id);

// argv of the process that it starts to write the container's S3 volumes back while it runs.
std::vector<std::string> SyncVolumesCommand(const Layout& layout, std::string_view id);

}  // namespace hoy::core
