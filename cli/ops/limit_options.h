#pragma once
// Cgroup limits and rlimits from their flags. Pure.

#include <string>
#include <vector>

#include "cli/ops/host_facts.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::cli {

// kInvalidArgument: not a number or size, or one that makes no sense on this host.
Result<core::ResourceLimits> ParseResourceLimits(const RunOptions& options, const HostFacts& host);

// The same for an update, where values make sense only together with those there are.
Result<core::ResourceLimits> ParseLimitChanges(const RunOptions& options, const HostFacts& host);

// The flags that throttle block devices, and what was given to them.
struct ThrottleOption {
  std::string_view flag;  // "--device-read-bps"
  const char* kind;       // DeviceThrottle::kind
  const std::vector<std::string>* values;
};
std::vector<ThrottleOption> ThrottleOptions(const RunOptions& options);
// "/dev/sda:10m" -> "/dev/sda".
Result<std::string> ThrottledDevice(std::string_view flag, const std::string& text);

struct RlimitChoice {
  std::vector<core::Rlimit> limits;   // the last of each resource, clamped to what hoy may give
  std::vector<std::string> warnings;  // for each that was clamped
};
Result<RlimitChoice> ParseRlimits(const std::vector<std::string>& ulimits, const HostFacts& host);

}  // namespace hoy::cli
