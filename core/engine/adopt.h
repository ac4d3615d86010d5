#pragma once
// A new monitor for a container whose own was killed.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/layout.h"
#include "core/state/run_state.h"

namespace hoy::core {

// Starts hoy-monitor in mode kAdopt: it reads on from the FIFOs and takes the exit status through a
// pidfd. The caller holds the container's lock. A container with a terminal has lost its pty with
// the monitor that held it; its process has been sent SIGHUP by the kernel.
Result<> Adopt(const Layout& layout, std::string_view id, const RunState& run);

// argv of the clean-up that a monitor execs when its container has ended.
std::vector<std::string> CleanUpCommand(const Layout& layout, std::string_view id);

}  // namespace hoy::core
