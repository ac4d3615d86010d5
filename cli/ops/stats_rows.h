#pragma once
// The rows of `hoy stats`. Pure.
//
// Each has docker's fields as texts (Container ID Name CPUPerc MemUsage MemPerc NetIO BlockIO
// PIDs), as templates and tables show them, and the same and more as numbers; null: not known here.

#include <optional>
#include <string>

#include "cli/ui/format.h"
#include "core/engine/usage.h"

namespace hoy::cli {

struct StatsSample {
  std::string id;
  std::string name;
  std::optional<core::ContainerUsage> usage;  // absent: it does not run
  std::optional<double> cpu_percent;
};

Json StatsRow(const StatsSample& sample, uint64_t host_memory_bytes, bool no_trunc);

// `wide` adds peak memory, throttling, OOM kills and pressure.
ListModel StatsModel(bool wide);

// "19.5MiB": powers of 1024 with four digits, as docker prints memory (units.BytesSize).
std::string BinarySize(uint64_t bytes);

}  // namespace hoy::cli
