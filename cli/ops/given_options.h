#pragma once
// The options that `inspect` shows as they were given. Pure; a part of container_config.h.

#include "cli/ops/host_facts.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

Result<core::GivenOptions> ParseGivenOptions(const RunOptions& options, const HostFacts& host);

}  // namespace hoy::cli
