#include "cli/ops/limit_options.h"

#include <algorithm>
#include <map>

#include "cli/ops/option_values.h"
#include "core/cgroup/limits.h"

namespace hoy::cli {
namespace {

using Limit = std::optional<int64_t>;

Result<> SetSize(std::string_view flag, const std::string& text, Limit& limit) {
  if (text.empty()) return {};
  TRY(limit, ParseSizeFlag(flag, text));
  return {};
}

Result<> SetNumber(std::string_view flag, const std::string& text, Limit& limit) {
  if (text.empty()) return {};
  TRY(limit, ParseNumberFlag(flag, text, -1, INT64_MAX));
  return {};
}

Result<core::DeviceThrottle> ParseThrottle(const ThrottleOption& option, const std::string& text,
                                           const HostFacts& host) {
  TRY(std::string path, ThrottledDevice(option.flag, text));
  std::string_view rate = std::string_view(text).substr(path.size() + 1);
  const core::Device& device = host.block_devices.at(path);
  core::DeviceThrottle throttle{
      .kind = option.kind, .path = path, .major = device.major, .minor = device.minor};
  if (throttle.kind.ends_with("bps")) {
    TRY(throttle.rate, ParseSizeFlag(option.flag, rate, 1));
  } else {
    TRY(throttle.rate, ParseNumberFlag(option.flag, rate, 1, INT64_MAX));
  }
  return throttle;
}

}  // namespace

std::vector<ThrottleOption> ThrottleOptions(const RunOptions& options) {
  return {{"--device-read-bps", "read_bps", &options.device_read_bps},
          {"--device-write-bps", "write_bps", &options.device_write_bps},
          {"--device-read-iops", "read_iops", &options.device_read_iops},
          {"--device-write-iops", "write_iops", &options.device_write_iops}};
}

Result<std::string> ThrottledDevice(std::string_view flag, const std::string& text) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || text[0] != '/') {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': expected DEVICE:RATE, like /dev/sda:10m",
                flag, text);
  }
  return text.substr(0, colon);
}

Result<core::ResourceLimits> ParseLimitChanges(const RunOptions& options, const HostFacts& host) {
  core::ResourceLimits limits;
  TRY(SetSize("--memory", options.memory, limits.memory_bytes));
  if (options.memory_swap == "-1") {
    limits.memory_swap_bytes = -1;
  } else {
    TRY(SetSize("--memory-swap", options.memory_swap, limits.memory_swap_bytes));
  }
  TRY(SetSize("--memory-reservation", options.memory_reservation, limits.memory_reservation_bytes));
  TRY(SetNumber("--memory-swappiness", options.memory_swappiness, limits.memory_swappiness));
  TRY(SetNumber("--cpu-shares", options.cpu_shares, limits.cpu_shares));
  TRY(SetNumber("--cpu-quota", options.cpu_quota, limits.cpu_quota_us));
  TRY(SetNumber("--cpu-period", options.cpu_period, limits.cpu_period_us));
  TRY(SetNumber("--pids-limit", options.pids_limit, limits.pids_limit));
  TRY(SetNumber("--blkio-weight", options.blkio_weight, limits.blkio_weight));
  if (!options.cpus.empty()) {
    TRY(limits.nano_cpus, ParseCpus(options.cpus));
  }
  for (const ThrottleOption& option : ThrottleOptions(options)) {
    for (const std::string& text : *option.values) {
      TRY(core::DeviceThrottle throttle, ParseThrottle(option, text, host));
      limits.throttles.push_back(std::move(throttle));
    }
  }
  limits.cpuset_cpus = options.cpuset_cpus;
  limits.cpuset_mems = options.cpuset_mems;
  for (const std::string& text : options.cgroup_conf) {
    TRY(auto pair, ParseKeyValue("--cgroup-conf", text));
    if (pair.first.contains('/') || !pair.first.contains('.')) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--cgroup-conf '{}': expected the name of a cgroup file, like memory.high=1G",
                  text);
    }
    limits.cgroup_conf.push_back(std::move(pair));
  }
  return limits;
}

Result<core::ResourceLimits> ParseResourceLimits(const RunOptions& options, const HostFacts& host) {
  TRY(core::ResourceLimits limits, ParseLimitChanges(options, host));
  TRY(core::ValidateLimits(limits, host.topology));
  return limits;
}

Result<RlimitChoice> ParseRlimits(const std::vector<std::string>& ulimits, const HostFacts& host) {
  RlimitChoice choice;
  std::map<int, core::Rlimit> limits;
  for (const std::string& text : ulimits) {
    TRY(core::Rlimit limit, ParseUlimit(text));
    uint64_t allowed = host.rlimits[static_cast<size_t>(limit.resource)].hard;
    if (!host.can_raise_rlimits && limit.hard > allowed) {
      choice.warnings.push_back(
          fmt::format("--ulimit {}: this host allows hoy no more than {} (no CAP_SYS_RESOURCE)",
                      text, allowed));
      limit.hard = allowed;
      limit.soft = std::min(limit.soft, limit.hard);
    }
    limits[limit.resource] = limit;
  }
  for (const auto& [resource, limit] : limits) choice.limits.push_back(limit);
  return choice;
}

}  // namespace hoy::cli
