#pragma once
// What a container may use, as the user asked for it. Plain data: core/cgroup turns it into writes
// for cgroup v1 or v2, and refuses what the host cannot enforce. It is here because records hold
// it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hoy::core {

// --device-read-bps and its kin: the most that a container may read from or write to a block device
// in a second.
struct DeviceThrottle {
  std::string kind;  // "read_bps", "write_bps" (bytes), "read_iops", "write_iops" (operations)
  std::string path;  // as it was given
  uint32_t major = 0;
  uint32_t minor = 0;
  int64_t rate = 0;

  bool operator==(const DeviceThrottle&) const = default;
};

// Everything absent is left as the kernel has it.
struct ResourceLimits {
  std::optional<int64_t> memory_bytes;
  std::optional<int64_t> memory_swap_bytes;  // memory + swap together, as docker; -1: unlimited
  std::optional<int64_t> memory_reservation_bytes;
  std::optional<int64_t> memory_swappiness;  // 0-100, cgroup v1 only
  std::optional<int64_t> nano_cpus;          // 1'500'000'000 is one and a half processors
  std::optional<int64_t> cpu_shares;         // v1 scale, 2-262144
  std::optional<int64_t> cpu_quota_us;       // -1: unlimited
  std::optional<int64_t> cpu_period_us;      // 1000-1000000
  std::optional<int64_t> pids_limit;         // -1: unlimited
  std::optional<int64_t> blkio_weight;       // 10-1000
  std::vector<DeviceThrottle> throttles;
  std::string cpuset_cpus;  // "0-3,7"; empty: all
  std::string cpuset_mems;
  std::vector<std::pair<std::string, std::string>> cgroup_conf;  // cgroup file name -> value, in
                                                                 // the order given

  bool operator==(const ResourceLimits&) const = default;
};

// One rule of the device cgroup, as in runtime-spec linux.resources.devices and v1's devices.allow.
struct DeviceRule {
  bool allow = true;
  char type = 'a';               // 'b', 'c', or 'a' for both
  std::optional<int64_t> major;  // unset: any
  std::optional<int64_t> minor;
  std::string access = "rwm";  // any of r(ead), w(rite), m(knod)

  bool operator==(const DeviceRule&) const = default;
};

}  // namespace hoy::core
