#pragma once
// The volumes of one container: made, filled from the image, and held.

#include <vector>

#include "core/base/result.h"
#include "core/engine/root_plan.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"
#include "core/state/volume.h"

namespace hoy::core {

// Where each volume mount of `config` leads, without making anything.
void LocateVolumes(const Layout& layout, ContainerConfig& config);

// For a container that is about to be created: names its anonymous volumes, makes those that are
// missing, completes their mounts, and copies into an empty volume what the image has at the
// mount's target, with owners, modes and attributes. A volume that a container uses which is up or
// starting is left as it is. Nothing can be removed while the result lives: it is kept until the
// container's record is published. On failure no anonymous volume is left.
Result<std::vector<VolumeLock>> PrepareVolumes(const Layout& layout, ContainerConfig& config);

// After a start that failed of a container that was made for it, and is gone: of its S3 volumes
// that nobody gave a name those that were made with it, into which nothing has come. What somebody
// else uses by now stays.
void RemoveUnfetchedVolumes(const Layout& layout, const ContainerRecord& record);

// For a start, or for somebody who copies: they are all there, and stay. What is held to be written
// to has changes that are to be written back. The error names the one that is missing.
Result<std::vector<VolumeLock>> HoldVolumes(const Layout& layout, const ContainerConfig& config,
                                            FilesAccess access);

// Events "mount" and "unmount" of a container's volumes, in docker's shape; of one without volumes
// there are none.
void RecordMounts(const Layout& layout, const ContainerRecord& record);
void RecordUnmounts(const Layout& layout, const ContainerRecord& record);

}  // namespace hoy::core
