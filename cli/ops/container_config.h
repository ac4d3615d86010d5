#pragma once
// From what was typed to what is run: options + image config + defaults -> ContainerConfig. Pure:
// what must be known of the host comes as HostFacts.

#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/host_facts.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "oci/image/image_config.h"

namespace hoy::cli {

struct BuiltConfig {
  core::ContainerConfig config;
  std::vector<std::string> warnings;  // what could not be given as asked; for stderr, once
};

// `id` is the container's 64 hex digits (the default host name is its first 12). Of
// ContainerConfig::image only `reference` and `volumes` are filled. Errors are kInvalidArgument and
// name the flag.
//
// Merging is docker's: --entrypoint drops the image's entrypoint and cmd; a command replaces the
// cmd. Environment, lowest first: hoy's own (PATH HOSTNAME TERM container), --env-host, image,
// minus --unsetenv, --env-file, -e. A user's mount replaces the default one at its place.
Result<BuiltConfig> BuildContainerConfig(const RunOptions& options,
                                         const oci::ImageRunConfig& image, const HostFacts& host,
                                         std::string_view id);

// The same judgement without an image, before anything is pulled.
Result<> CheckRunOptions(const RunOptions& options, const HostFacts& host);

}  // namespace hoy::cli
