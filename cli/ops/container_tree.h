#pragma once
// A container's files as trees that can be read without it: its own directory over its image's
// layers, or over the directory of --rootfs.

#include <set>
#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/state/container_record.h"
#include "core/state/layout.h"

namespace hoy::cli {

std::string UpperDirectory(const core::Layout& layout, const core::ContainerRecord& record);
// Topmost first.
std::vector<std::string> ContainerTrees(const core::Layout& layout,
                                        const core::ContainerRecord& record);

// What hoy itself mounts over ("etc/hosts", "proc"): empty files and directories there were made
// for that, and are no work of the container's.
std::set<std::string> MountTargets(const core::ContainerConfig& config);

// Says which files shrank while they were read; kConflict when there are any: what was made of them
// is there, but not right.
Result<> CheckNotTorn(Context& context, const std::vector<std::string>& torn);

// kNotFound where the container has been removed: what a reader that holds no lock cannot tell from
// files that were never there.
Result<> CheckStillThere(const core::Layout& layout, const std::string& id);

// Deep trees need many descriptors: the soft limit becomes the hard one.
void RaiseDescriptorLimit();

}  // namespace hoy::cli
