#pragma once
// hoy-image as a child that syncs S3 volumes, for who starts a container and waits for its end.

#include <span>
#include <string>

#include "cli/ops/s3_sync.h"
#include "core/engine/remote_volumes.h"

namespace hoy::cli {

// Waits for it; its warnings go to our stderr, its error comes back. A ^C reaches it: kCancelled.
Result<> SpawnVolumeSync(const core::Layout& layout, std::span<const std::string> volumes,
                         SyncWay way);

// What core calls before a start.
core::RemoteVolumes& SpawnedRemoteVolumes();

}  // namespace hoy::cli
