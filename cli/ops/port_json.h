#pragma once
// Ports in docker's shape.

#include "cli/ops/port_options.h"
#include "cli/ui/format.h"

namespace hoy::cli {

// HostConfig.PortBindings: {"80/tcp":[{"HostIp":"","HostPort":"8080"}]}, as it was asked for with
// -p; what only -P asked for is not there.
Json PortBindingsOf(const core::NetworkConfig& config);

// NetworkSettings.Ports of a container that runs, the same shape as it came out, with null for what
// is exposed and not published.
Json OpenPortsJson(const std::vector<OpenPort>& ports);

}  // namespace hoy::cli
