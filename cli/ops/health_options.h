#pragma once
// A health check in the words of an image, of a Dockerfile and of the command line.

#include <optional>
#include <string>
#include <string_view>

#include "cli/ops/run_options.h"
#include "cli/ui/template.h"
#include "core/state/health_check.h"
#include "oci/image/image_config.h"

namespace hoy::cli {

// Docker's object {Test, Interval, Timeout, StartPeriod, StartInterval, Retries}, times in
// nanoseconds, what is 0 or empty left out.
Json HealthcheckJson(const core::HealthCheck& check);
// kInvalidArgument: not such an object, or a Test of another kind than CMD, CMD-SHELL and NONE.
Result<core::HealthCheck> ParseHealthcheck(std::string_view json);

// The Dockerfile instruction, after its first word: "[--interval=5s ...] CMD ...", or "NONE".
Result<core::HealthCheck> ParseHealthInstruction(std::string_view text);

// The image's, with what --health-* changes of it, and --health-on-failure. nullopt: there is none,
// nor is one turned off. kInvalidArgument names the flag.
Result<std::optional<core::HealthCheck>> ChooseHealthCheck(const RunOptions& options,
                                                           const oci::ImageRunConfig& image);

}  // namespace hoy::cli
