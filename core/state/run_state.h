#pragma once
// What hoy-monitor publishes about a run of a container, decoded (core/monitor/publish.h has the
// form). Readers take no lock.

#include <optional>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"
#include "core/sys/process.h"

namespace hoy::core {

// How a run ended. `known` is false when the exit status could not be had: the monitor was lost and
// the container ended before another took over, or the kernel is older than 6.15. Never 0 then.
struct ExitRecord {
  bool known = true;
  int exit_code = 0;  // as for a shell: 128 + signal; 124 after --timeout
  int signal = 0;
  bool core_dumped = false;
  bool oom_killed = false;
  bool timed_out = false;
  Timestamp started_at = 0;
  Timestamp finished_at = 0;
  int64_t user_cpu_us = 0;
  int64_t system_cpu_us = 0;
  int64_t max_rss_kib = 0;
  int64_t log_lost = 0;           // bytes of output that the log does not have (disk full)
  int64_t log_lost_unmarked = 0;  // those of them that it does not tell of itself
  std::string error;              // why it could not be started, when it was not
};

struct RunState {
  ProcessIdentity init;
  ProcessIdentity monitor;
  Timestamp started_at = 0;
  bool ready = true;  // its program has begun to run
  // What IsFrozenBy (core/cgroup/cgroup.h) reads; nullopt: the monitor did not know.
  std::optional<std::string> freezer;
  std::optional<ExitRecord> exit;
};

// Stands for an unknown exit status wherever a number has to be given.
constexpr int kUnknownExitCode = 255;

// While a container runs, what of its output could not be logged: RUN/containers/<id>/log-lost.
struct LogLossNote {
  uint64_t bytes = 0;
  uint64_t unmarked = 0;  // of them, what the log does not tell of itself
};
LogLossNote ReadLogLoss(const Layout& layout, std::string_view id);  // all 0: there is none

std::string StatePath(const Layout& layout, std::string_view id);
std::string ExitPath(const Layout& layout, std::string_view id);

// nullopt: there is no run directory, or the run never got as far as having a process.
Result<std::optional<RunState>> ReadRunState(const Layout& layout, std::string_view id);
Result<RunState> DecodeRunState(std::string_view text);

// The durable record of the last run. nullopt: it never ran.
Result<std::optional<ExitRecord>> ReadExitRecord(const Layout& layout, std::string_view id);
Result<> WriteExitRecord(const Layout& layout, std::string_view id, const ExitRecord& record,
                         bool durable);
Result<ExitRecord> DecodeExitRecord(std::string_view text);
std::string EncodeExitRecord(const ExitRecord& record);

}  // namespace hoy::core
