#include "core/engine/health.h"

#include <poll.h>

#include "core/engine/exec.h"
#include "core/engine/pause.h"
#include "core/engine/wait.h"
#include "core/state/container_id.h"
#include "core/state/event_log.h"
#include "core/sys/files.h"
#include "core/sys/proc_facts.h"

namespace hoy::core {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

enum class ProbeEnd {
  kEnded,
  kTimedOut,
  kPointless,  // the container is paused, or has ended
};

Error NoHealthCheck(const ContainerRecord& record) {
  return MakeError(ErrorKind::kConflict,
                   fmt::format("container '{}' has no health check", record.name))
      .WithHint("its image has none, and it was not made with --health-cmd");
}

// Its processes are killed while it is still on its way out: they tell nothing of its health.
Result<bool> IsEnding(const ProcessIdentity& init) {
  constexpr uint64_t kExiting = 0x4;  // PF_EXITING, proc_pid_stat(5)
  TRY(bool alive, IsAlive(init));
  if (!alive) return true;
  auto text = ReadFile(fmt::format("/proc/{}/stat", init.pid), 64 << 10);
  auto facts = text ? ParseProcStat(*text) : std::nullopt;
  return !facts || (facts->flags & kExiting) != 0;
}

// With the program at work. When this returns without its end, the guard is let go of by the caller
// and kills the session.
Result<ProbeEnd> AwaitProbe(ExecPeer& peer, BorrowedFd init, int64_t timeout_ms, int* exit_code) {
  Deadline deadline(timeout_ms);
  std::vector<pollfd> slots;
  while (true) {
    slots.clear();
    slots.push_back({init.get(), POLLIN, 0});
    peer.Prepare(slots);
    if (poll(slots.data(), slots.size(), deadline.PollTimeout()) < 0 && errno != EINTR) {
      return FailErrno("poll", "probe");
    }
    TRY(auto end, peer.Handle(std::span(slots).subspan(1)));
    if (end && end->kind != SessionPeer::End::Kind::kExited) {
      return Fail(ErrorKind::kSystem, "hoy-monitor, which guarded the probe, was killed");
    }
    if (end) {
      *exit_code = end->exit_code;
      return ProbeEnd::kEnded;
    }
    if (slots[0].revents != 0) return ProbeEnd::kPointless;
    if (deadline.Passed()) return ProbeEnd::kTimedOut;
  }
}

Result<ProbeEnd> RunProbe(const Layout& layout, const ContainerRecord& record, ProbeOutput& output,
                          int* exit_code) {
  TRY(JoiningProcess joining, JoinContainer(layout, record.id, {}));
  ExecRequest request;
  TRY(request.process, DefaultExecProcess(layout, record));
  request.process.args = record.config.health->Command();
  request.is_probe = true;
  int64_t timeout_ms = (record.config.health->Timeout() + kMillisecond - 1) / kMillisecond;
  // How long it takes to come into being says little of the container's health.
  auto process = RunJoined(layout, joining, record, request, Deadline(timeout_ms));
  bool late = !process && process.error().kind == ErrorKind::kTimeout;
  if (late) return IsPaused(layout, record.id) ? ProbeEnd::kPointless : ProbeEnd::kTimedOut;
  if (!process) return Fail(std::move(process).error());
  joining.streams.ours.process = *process;
  joining.streams.ours.guard = joining.guard;
  ExecPeer peer(std::move(joining.streams.ours), [&](int, std::string_view bytes) -> Result<bool> {
    output.Add(bytes);
    return true;
  });
  TRY(ProbeEnd end, AwaitProbe(peer, joining.init, timeout_ms, exit_code));
  if (end == ProbeEnd::kTimedOut && IsPaused(layout, record.id)) return ProbeEnd::kPointless;
  return end;
}

// "1.5s", "500ms".
std::string ShortDuration(int64_t nanoseconds) {
  if (nanoseconds < kSecond) return fmt::format("{}ms", nanoseconds / kMillisecond);
  return fmt::format("{:g}s", static_cast<double>(nanoseconds) / kSecond);
}

// nullopt: it is pointless. kConflict: nothing could be probed.
Result<std::optional<HealthResult>> MakeResult(const Layout& layout,
                                               const ContainerRecord& record) {
  HealthResult result;
  result.start = Now();
  ProbeOutput output;
  auto end = RunProbe(layout, record, output, &result.exit_code);
  result.end = Now();
  result.output = output.Take();
  if (!end) {
    bool no_container =
        end.error().kind == ErrorKind::kConflict || end.error().kind == ErrorKind::kNotFound;
    if (no_container) return Fail(std::move(end).error());
    result.exit_code = kProbeFailed;
    result.output = end.error().message;
  } else if (*end == ProbeEnd::kPointless) {
    return std::nullopt;
  } else if (*end == ProbeEnd::kTimedOut) {
    result.exit_code = kProbeFailed;
    std::string late = fmt::format("Health check exceeded timeout ({})",
                                   ShortDuration(record.config.health->Timeout()));
    result.output = result.output.empty() ? late : late + ": " + result.output;
  }
  return result;
}

// Under the lock, so that two probes at once lose nothing, and none is written into another run.
Result<std::optional<HealthState>> KeepResult(const Layout& layout, const ContainerRecord& record,
                                              Timestamp started_at, HealthResult result) {
  auto lock = ContainerLock::Acquire(layout, record.id);
  if (!lock && lock.error().kind == ErrorKind::kNotFound) return std::nullopt;
  if (!lock) return Fail(std::move(lock).error());
  TRY(std::optional<RunState> run, ReadRunState(layout, record.id));
  if (!run || run->started_at != started_at || run->exit) return std::nullopt;
  TRY(bool ending, IsEnding(run->init));
  if (ending) return std::nullopt;
  HealthState before = ReadHealth(layout, record.id, started_at);
  HealthState after = AfterProbe(*record.config.health, before, std::move(result));
  TRY(WriteHealth(layout, record.id, after));
  if (after.status != before.status) {
    // By its present name.
    auto summary = ReadSummary(layout, record.id);
    RecordContainerEvent(layout, summary ? *summary : record.Summary(),
                         fmt::format("health_status: {}", ToString(after.status)));
  }
  return after;
}

}  // namespace

Result<std::optional<HealthState>> ProbeHealth(const Layout& layout,
                                               const ContainerRecord& record) {
  if (!record.config.HasHealthCheck()) return Fail(NoHealthCheck(record));
  TRY(ContainerStatus status, Heal(layout, record.id));
  TRY(std::optional<HealthResult> result, MakeResult(layout, record));
  if (!result || !status.run) return std::nullopt;
  return KeepResult(layout, record, status.run->started_at, *std::move(result));
}

Result<std::optional<HealthState>> ProbeWhenDue(const Layout& layout, const ContainerRecord& record,
                                                int64_t* next_in_ns) {
  if (!record.config.HasHealthCheck()) return Fail(NoHealthCheck(record));
  const HealthCheck& check = *record.config.health;
  *next_in_ns = check.Interval();
  TRY(ContainerStatus status, Observe(layout, record.id));
  if (!status.run) return std::nullopt;
  Timestamp started_at = status.run->started_at;
  *next_in_ns = ProbePeriod(check, ReadHealth(layout, record.id, started_at), Now());
  if (status.state != ContainerState::kRunning) return std::nullopt;
  TRY(std::optional<HealthState> after, ProbeHealth(layout, record));
  if (after) *next_in_ns = NextProbeIn(check, *after, Now());
  return after;
}

std::optional<HealthState> ObserveHealth(const Layout& layout, const ContainerSummary& summary,
                                         const ContainerStatus& status) {
  if (!summary.has_health_check) return std::nullopt;
  if (status.IsUp()) return ReadHealth(layout, summary.id, status.run->started_at);
  if (!status.exit || status.exit->started_at == 0) return std::nullopt;
  HealthState ended;
  ended.started_at = status.exit->started_at;
  ended = ReadKeptHealth(layout, summary.id, ended.started_at).value_or(std::move(ended));
  ended.status = HealthStatus::kUnhealthy;
  return ended;
}

}  // namespace hoy::core
