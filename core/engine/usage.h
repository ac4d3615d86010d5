#pragma once
// What containers that run use, as `hoy stats` shows it: cgroup counters and the traffic of their
// own network namespace. Takes no lock; a container that ends meanwhile has no answer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/cgroup/usage.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"
#include "core/sys/process.h"

namespace hoy::core {

struct NetworkTraffic {
  uint64_t received_bytes = 0, sent_bytes = 0;
  bool operator==(const NetworkTraffic&) const = default;
};

// The interfaces of /proc/<pid>/net/dev but loopback, summed up. Pure.
NetworkTraffic ParseNetworkTraffic(std::string_view text);

struct ContainerUsage {
  CgroupUsage cgroup;
  std::optional<NetworkTraffic> network;  // absent: the host's network is not the container's
  int64_t at_ns = 0;                      // CLOCK_MONOTONIC
};

// One container, looked at repeatedly.
class UsageReader {
 public:
  // nullopt: it does not run.
  static std::optional<UsageReader> Open(const Layout& layout, std::string_view id);

  struct CpuReading {
    std::optional<uint64_t> cpu_ns;
    int64_t at_ns = 0;
  };
  CpuReading ReadCpu() const;  // cheap: the beginning of a window
  ContainerUsage Read() const;
  // Whether it is still the same run.
  bool Runs() const;

 private:
  CgroupLocation location_;
  ProcessIdentity init_;
  Fd process_;
  bool own_network_ = false;
};

// Percent of one processor over a window; nullopt: nothing can be said.
std::optional<double> CpuPercent(const UsageReader::CpuReading& first,
                                 const UsageReader::CpuReading& last);

uint64_t HostMemoryBytes();

}  // namespace hoy::core
