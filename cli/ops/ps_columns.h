#pragma once
// The columns of `hoy top`, by the names that ps(1) and `podman top` give them. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/processes.h"

namespace hoy::cli {

struct PsHost {
  int64_t now = 0;    // seconds since the epoch
  double uptime = 0;  // seconds
  long ticks_per_second = 100;
  long page_bytes = 4096;
  uint64_t memory_bytes = 0;
  core::IdNames users, groups;  // the host's, for huser and hgroup

  static PsHost Read();
};

// What a column may look at.
struct PsView {
  const core::ProcFacts& process;
  const core::ProcessList& list;
  const PsHost& host;
  bool inner_pids = false;  // pid, ppid, pgid and sid as the container has them (podman's names)
  std::string tree_prefix = {};  // before the command: --forest

  double ElapsedSeconds() const;
  uint64_t CpuSeconds() const;
  double CpuPercent() const;
};

struct PsColumn {
  std::string_view names;  // "pcpu %cpu", the first one is the usual one
  std::string_view title;  // "%CPU"
  std::string (*text)(const PsView& view);
  bool number = false;  // sorted, and given in JSON, as one

  bool Is(std::string_view name) const;
};

// nullptr: no such column.
const PsColumn* FindPsColumn(std::string_view name);
std::vector<std::string_view> PsColumnNames();  // all spellings, for completion and hints

// "[DD-]hh:mm:ss" with hours always there or, as ps has ELAPSED, only when needed.
std::string PsDuration(uint64_t seconds, bool always_hours);

}  // namespace hoy::cli
