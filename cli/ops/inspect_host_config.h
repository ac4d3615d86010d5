#pragma once
// What `inspect` shows as HostConfig: the options that a container was created with.

#include "cli/ui/template.h"
#include "core/state/container_config.h"

namespace hoy::cli {

Json HostConfigOf(const core::ContainerConfig& config);

}  // namespace hoy::cli
