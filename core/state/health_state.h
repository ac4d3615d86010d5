#pragma once
// What is known of a container's health.
//
//   RUN/containers/<id>/health.json    of the run that is on; absent: no probe has ended yet
//   DATA/containers/<id>/health.json   of the last run, kept by its clean-up for `inspect`
//   {"version":1,"started_at":..,"status":"starting|healthy|unhealthy","failing_streak":..,
//    "log":[{"start":..,"end":..,"exit_code":..,"output":".."}]}
//
// Written by whoever has run a probe, under the container's lock; readers take none. `started_at`
// names the run: a file of another run says nothing about this one. So a restart begins anew
// without a word, and a start writes nothing at all.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/state/health_check.h"
#include "core/state/layout.h"
#include "core/sys/clock.h"

namespace hoy::core {

enum class HealthStatus { kNone, kStarting, kHealthy, kUnhealthy };
std::string_view ToString(HealthStatus status);  // "none", "starting", "healthy", "unhealthy"

struct HealthResult {
  Timestamp start = 0;
  Timestamp end = 0;
  int exit_code = 0;  // kProbeFailed: it could not be started, or its time ran out
  std::string output;

  bool operator==(const HealthResult&) const = default;
};
inline constexpr int kProbeFailed = -1;
inline constexpr size_t kKeptHealthResults = 5;

struct HealthState {
  Timestamp started_at = 0;  // of the run
  HealthStatus status = HealthStatus::kStarting;
  int64_t failing_streak = 0;
  std::vector<HealthResult> log;  // oldest first

  bool operator==(const HealthState&) const = default;
};

// Docker's rules, pure.

// A success makes it healthy; as many failures in a row as there are retries make it unhealthy. In
// the start period, and before the first success, failures do not count.
HealthState AfterProbe(const HealthCheck& check, HealthState before, HealthResult result);
// The time between two probes: StartInterval in the start period, before the first success.
int64_t ProbePeriod(const HealthCheck& check, const HealthState& state, Timestamp now);
// When to run the next one, in nanoseconds from now: a period after the end of the last, or after
// the start. It needs only what is on disk, so that a new monitor goes on where the old one was. A
// clock that was set back does not make it wait for longer than a period.
int64_t NextProbeIn(const HealthCheck& check, const HealthState& state, Timestamp now);
// What a probe that has led to `state` brings about.
HealthAction ActionAfter(const HealthCheck& check, const HealthState& state);

// Docker's cut: the first 4096 bytes, and "..." where there were more.
class ProbeOutput {
 public:
  void Add(std::string_view bytes);
  std::string Take() const { return cut_ ? text_ + "..." : text_; }

 private:
  static constexpr size_t kMost = 4096;
  std::string text_;
  bool cut_ = false;
};

// Of the run that began at `started_at`; where nothing is known of it, a fresh one. A damaged file
// counts as an absent one.
HealthState ReadHealth(const Layout& layout, std::string_view id, Timestamp started_at);
Result<> WriteHealth(const Layout& layout, std::string_view id, const HealthState& state);
// By the clean-up, under the lock: what RUN has of the run that has ended, for DATA.
Result<> KeepHealth(const Layout& layout, std::string_view id, Timestamp started_at);
// nullopt: nothing was kept of that run.
std::optional<HealthState> ReadKeptHealth(const Layout& layout, std::string_view id,
                                          Timestamp started_at);

}  // namespace hoy::core
