#pragma once
// --log-driver and --log-opt of run and create.

#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_record.h"

namespace hoy::cli {

std::vector<std::string_view> LogDriverNames();

// `driver` "" is the default. kInvalidArgument: an unknown driver or option, with those there are,
// or a value that is none.
Result<core::LogConfig> ParseLogOptions(std::string_view driver,
                                        const std::vector<std::string>& options);

// The same from all that was typed. kInvalidArgument also where the driver excludes another flag;
// what has no effect is a warning.
Result<core::LogConfig> BuildLogConfig(const RunOptions& options,
                                       std::vector<std::string>& warnings);

// The tag and the attributes, from what the record says of the container. kInvalidArgument: the
// tag's template, or an expression of labels-regex or env-regex.
Result<> ResolveLogAttributes(core::ContainerRecord& record);

}  // namespace hoy::cli
