#pragma once
// What stop and restart have in common.

#include <string>

#include "cli/ui/context.h"
#include "core/base/result.h"
#include "core/engine/stop.h"

namespace hoy::cli {

// core::StopContainer, with a line on stderr when the wait is in vain because the container's
// process does not take the signal.
Result<> StopGently(Context& context, const std::string& name, const std::string& id,
                    core::StopRequest request);

// "That signal, then", for --signal: kInvalidArgument when there is no such one.
Result<std::optional<int>> ParseSignalFlag(const std::optional<std::string>& text);

// -t, --timeout: kInvalidArgument when it is more than kMaxSeconds.
Result<> CheckPatience(std::optional<int64_t> seconds);

}  // namespace hoy::cli
