#pragma once
// Pausing containers: every process in the container's cgroup stops where it is, and goes on later
// as if nothing had been (cgroup v1 freezer, v2 cgroup.freeze).
//
// There is nothing to mend after a crash: what is paused is what the kernel has frozen. A pause
// that is killed half-way leaves a container that is paused in a moment, or one that is not.

#include "core/base/result.h"
#include "core/engine/lifecycle.h"
#include "core/state/layout.h"

namespace hoy::core {

// Returns when every process is frozen. kConflict: it does not run, or is paused already.
// kUnsupported: it has no cgroup that freezes. kTimeout: a process hangs in the kernel; then
// nothing is paused.
Result<> PauseContainer(const Layout& layout, std::string_view id);
// kConflict: it does not run, or is not paused.
Result<> UnpauseContainer(const Layout& layout, std::string_view id);

// The name of the container that cannot end by itself while this one is paused, or "": it has the
// first process of their PID namespace, and on cgroup v1 what is frozen does not die.
std::string HeldUpByPause(const Layout& layout, std::string_view id);

// Whether a container that runs is paused, or is on the way there. Two or three small reads.
bool IsPaused(const Layout& layout, std::string_view id);

}  // namespace hoy::core
