#pragma once
// --network and what belongs to it: pure, and each error names its flag (kInvalidArgument). That
// networks and containers exist is for later to see.

#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

struct NetworkChoice {
  core::NamespaceMode mode = core::NamespaceMode::kPrivate;
  core::NetworkConfig config;  // `container` as it was typed
};

// `fallback`: what --network means when it is not given.
Result<NetworkChoice> ParseNetworks(const RunOptions& options, std::string_view fallback);

// One --network: NAME[:ip=,ip6=,mac=,alias=], podman's way, or name=NAME,ip=,... docker's.
Result<core::NetworkAttachment> ParseAttachment(std::string_view text);

// What `network connect` has as flags of its own.
Result<> CheckAttachment(const core::NetworkAttachment& wanted);

// As --network would be given to get it: "bridge", "none", "host", "container:ID", "ns:PATH", NAME.
std::string NetworkModeName(const core::ContainerConfig& config);

}  // namespace hoy::cli
