#pragma once
// What `run --ensure` makes of a container that has the name already.

#include <string>
#include <vector>

#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_record.h"

namespace hoy::cli {

// The command line that the options ask for, in a container of that config: what they leave open is
// the container's own.
std::vector<std::string> WantedArguments(const RunOptions& options,
                                         const core::ContainerConfig& config);

// kInvalidArgument, with the flag: the container was made otherwise, and this cannot be had from
// it. `runs`: a command is executed in it; otherwise its own is to be the one that is asked for.
// Reads --env-file.
Result<> CheckMadeAs(const RunOptions& options, const core::ContainerRecord& record, bool runs);

}  // namespace hoy::cli
