#pragma once
// What a cgroup has used. What a kernel or a cgroup version does not count is absent, never 0.
//
// Sources: kernel Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,cpuacct,
// blkio-controller,pids}.rst, scheduler/sched-bwc.rst, accounting/psi.rst.

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/cgroup/cgroup.h"

namespace hoy::core {

// /proc/pressure/* and v2's *.pressure: the share of time in which some, or all, were stalled.
struct Pressure {
  struct Line {
    double average_10s = 0;  // percent
    double average_60s = 0;
    double average_300s = 0;
    uint64_t total_us = 0;
    bool operator==(const Line&) const = default;
  };
  Line some;
  std::optional<Line> full;
  bool operator==(const Pressure&) const = default;
};

struct CgroupUsage {
  using Number = std::optional<uint64_t>;
  Number memory_bytes;        // as `docker stats`: without the inactive page cache
  Number memory_peak_bytes;   // v2: Linux 5.19
  Number memory_limit_bytes;  // absent: none
  Number oom_kills;
  Number page_faults, major_page_faults;
  Number cpu_ns, cpu_user_ns, cpu_system_ns;
  Number throttled_periods, throttled_ns;  // with --cpus or --cpu-quota
  Number pids, pids_peak, pids_limit;      // pids_peak: Linux 6.10
  Number read_bytes, written_bytes, read_operations, write_operations;  // block I/O
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;   // v2
};

// A cgroup that is gone has used nothing that could be told: all absent.
CgroupUsage ReadUsage(const CgroupLocation& location);
// The CPU time alone, in one read.
std::optional<uint64_t> ReadCpuUsage(const CgroupLocation& location);

// Pure, for tests. nullopt: not such a file.
std::optional<Pressure> ParsePressure(std::string_view text);

}  // namespace hoy::core
