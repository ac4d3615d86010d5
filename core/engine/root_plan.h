#pragma once
// The steps that make a container's root and go into it: the same at a start and for a look at its
// files while it is stopped.

#include <string>

#include "core/init/plan_builder.h"
#include "core/state/container_record.h"

namespace hoy::core {

// Keeps the tree at a host path in a new slot, whose number it returns.
uint32_t AddOpenTree(PlanBuilder& plan, const std::string& path, bool recursive);
// The same for what a bind mounts, which may be a part of a volume or an image. `writes`: the
// directory with upper/ and work/ that takes what is written, or empty.
uint32_t AddOpenSource(PlanBuilder& plan, const Layout& layout, const Mount& mount,
                       const std::string& writes);

// The overlay of the container's own directory over its layers, or the directory of --rootfs; then
// pivot_root(2) into it. After this, paths are the container's.
void AddRoot(PlanBuilder& plan, const Layout& layout, const ContainerRecord& record);

// All of it for a process of ours that is no container: a mount namespace of its own, the root, and
// the user's bind mounts. Memory file systems are not there: they begin empty at each start.
// kRead: the container's own directory is the topmost lowerdir below one in memory, which takes the
// mount points that are missing: nothing is changed, and the container may be started meanwhile.
enum class FilesAccess { kRead, kWrite };
PlanBuilder BuildFilesPlan(const Layout& layout, const ContainerRecord& record, FilesAccess access);

// The image alone, as it was before any container wrote to it.
PlanBuilder BuildImagePlan(const Layout& layout, const ContainerConfig& config);

}  // namespace hoy::core
