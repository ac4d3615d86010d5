#pragma once
// hoy-image as a child that syncs or mounts volumes, for who starts a container and waits for its
// end.

#include <span>
#include <string>

#include "cli/ops/s3_sync.h"
#include "core/engine/remote_volumes.h"

namespace hoy::cli {

// Waits for it; its warnings go to our stderr, its error comes back. A ^C reaches it: kCancelled.
Result<> SpawnVolumeSync(const core::Layout& layout, std::span<const std::string> volumes,
                         SyncWay way);

// So many mounts of one that is mounted for each container. Errors and signals likewise.
Result<std::vector<Fd>> SpawnVolumeMount(const core::Layout& layout, const std::string& volume,
                                         size_t count);

// What core calls before a start.
core::RemoteVolumes& SpawnedRemoteVolumes();

}  // namespace hoy::cli
