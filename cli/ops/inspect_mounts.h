#pragma once
// What `inspect` shows of mounts: what was asked for, in HostConfig, and what is there.

#include "cli/ui/template.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::cli {

Json TmpfsOf(const core::ContainerConfig& config);       // --tmpfs: options by target
Json HostMountsOf(const core::ContainerConfig& config);  // --mount; null: none
Json MountsOf(const core::Layout& layout, const core::ContainerConfig& config);

}  // namespace hoy::cli
