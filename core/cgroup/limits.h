#pragma once
// What a container may use, and how that is written to cgroup files. All of it is pure: no I/O.
//
// Sources: kernel Documentation/admin-guide/cgroup-v1/* and cgroup-v2.rst; the meaning of each
// limit is that of docker's flag of the same name.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/state/resource_limits.h"

namespace hoy::core {

// `now` with what `changes` asks for: what it leaves out stays as it is (hoy update). --cpus and
// --cpu-quota with --cpu-period are two ways to say one thing: the new one replaces the old. Pure.
ResourceLimits MergeLimits(ResourceLimits now, const ResourceLimits& changes);

// What the host has, for checking limits against it.
struct CpuTopology {
  std::string online_cpus = "0";  // /sys/devices/system/cpu/online
  std::string online_mems = "0";  // /sys/devices/system/node/online
};
CpuTopology ReadCpuTopology();

// Refuses what makes no sense on this host (kInvalidArgument): docker's rules.
Result<> ValidateLimits(const ResourceLimits& limits, const CpuTopology& topology);

// One write to a file of the container's cgroup.
struct LimitWrite {
  std::string controller;  // "memory"; v1 and v2 names are the kernel's own ("blkio" and "io")
  std::string file;        // "memory.max"
  std::string value;
  std::string flag;           // who asked: "--memory"; for error messages
  std::string fallback_file;  // used where `file` does not exist
  std::string fallback_value;
  bool required = true;  // false: a default of ours that is skipped where the file does not exist

  bool operator==(const LimitWrite&) const = default;
};

// In the order in which they must be written to a new cgroup. kUnsupported: the limit has no
// equivalent in this cgroup version.
Result<std::vector<LimitWrite>> PlanLimitsV1(const ResourceLimits& limits);
Result<std::vector<LimitWrite>> PlanLimitsV2(const ResourceLimits& limits);

// cpu.shares (2-262144) -> cpu.weight (1-10000) such that the defaults meet: 1024 -> 100. The curve
// of crun 1.23 and opencontainers/cgroups 0.0.3.
int64_t CpuSharesToWeight(int64_t shares);
// blkio.weight (10-1000) -> io.weight (1-10000), linear, as runc and crun.
int64_t BlkioWeightToIoWeight(int64_t weight);

// "0-2,5" -> {0,1,2,5}; nullopt: not a list. Linux "List format", cpuset(7).
std::optional<std::vector<int>> ParseCpuList(std::string_view text);

}  // namespace hoy::core
