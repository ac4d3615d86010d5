#pragma once
// What a container mounts: -v, --mount, --tmpfs, --volumes-from, the volumes that its image
// declares, and hoy's own. Pure; a part of container_config.h.

#include <string>
#include <vector>

#include "cli/ops/host_facts.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

// In the order in which they are made. What the user names comes before --volumes-from, and that
// before what the image declares; two things of the user's at one place are an error.
Result<std::vector<core::Mount>> BuildMounts(const RunOptions& options,
                                             const std::vector<std::string>& image_volumes,
                                             const HostFacts& host, int64_t shm_size,
                                             std::vector<std::string>& warnings);

}  // namespace hoy::cli
