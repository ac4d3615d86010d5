#include "core/engine/lifecycle.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/fail_point.h"
#include "core/cgroup/cgroup.h"
#include "core/engine/adopt.h"
#include "core/engine/bind_sources.h"
#include "core/engine/freeze.h"
#include "core/engine/hooks.h"
#include "core/engine/network_driver.h"
#include "core/engine/remote_volumes.h"
#include "core/engine/report.h"
#include "core/engine/restart.h"
#include "core/engine/rewiring.h"
#include "core/engine/run_directory.h"
#include "core/engine/stop_note.h"
#include "core/engine/volumes.h"
#include "core/engine/wait.h"
#include "core/state/container_id.h"
#include "core/state/event_log.h"
#include "core/state/health_state.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "core/sys/project_quota.h"

namespace hoy::core {
namespace {

enum class MonitorDuty {
  kItsOwn,  // a living monitor cleans up by itself
  kOurs,    // it waits for us to do so, or we are what it became
};

struct View {
  MonitorDuty duty = MonitorDuty::kItsOwn;
  bool locked = false;  // by us: nobody else is at work
  bool has_run = true;  // false: it is known to have no run directory
};

// The monitor's pid stays the same when it execs the clean-up, which is then this process.
Result<bool> MonitorWorks(const RunState& run, MonitorDuty duty) {
  if (duty != MonitorDuty::kItsOwn || run.monitor.pid == getpid()) return false;
  return IsAlive(run.monitor);
}

ExitRecord UnknownExit(Timestamp started_at) {
  ExitRecord record;
  record.known = false;
  record.exit_code = kUnknownExitCode;
  record.started_at = started_at;
  return record;
}

Error NoSuchContainer(std::string_view id) {
  return MakeError(ErrorKind::kNotFound, fmt::format("no such container: {}", id));
}

// Whether somebody holds the lock, asked without keeping it.
bool IsBusy(const Layout& layout, std::string_view id) {
  auto directory = OpenDirectory(layout.Container(id));
  return directory && !TryLockFile(*directory, LockMode::kShared).value_or(true);
}

ContainerState StateOf(const ExitRecord& exit) {
  return exit.error.empty() ? ContainerState::kExited : ContainerState::kFailed;
}

// There is no run: what do DATA's own traces say?
Result<ContainerStatus> ObserveStopped(const Layout& layout, std::string_view id,
                                       const View& view) {
  ContainerStatus status;
  TRY(status.exit, ReadExitRecord(layout, id));
  if (status.exit) {
    status.state = StateOf(*status.exit);
  } else if (Exists(layout.Log(id))) {
    // It has run, and nobody could write down how it ended: the machine went down.
    status.state = ContainerState::kExited;
    status.exit = UnknownExit(0);
    status.needs_healing = true;
  }
  if (status.exit) {
    TRY(RestartState restart, ReadRestartState(layout, id));
    bool of_this_boot = false;
    if (restart.pending) {
      TRY(of_this_boot, IsOfThisBoot(restart.pending->restarter));
    }
    if (of_this_boot) {
      TRY(bool restarter_lives, IsAlive(restart.pending->restarter));
      status.state = ContainerState::kRestarting;
      status.needs_healing = !restarter_lives && !KeepsRestart(restart);
      status.restart = std::move(restart.pending);
    }
  }
  std::string run = layout.RunContainer(id);
  if (view.has_run && Exists(run)) {
    // The FIFOs are the first to come at a start, and the first to go at a clean-up.
    bool starts = !view.locked && Exists(run + "/out") && IsBusy(layout, id);
    if (starts) status.state = ContainerState::kInitializing;
    status.needs_healing = !starts;
  }
  // No trace of a run, or no traces any more?
  if (status.state == ContainerState::kCreated && !Exists(layout.Container(id))) {
    return Fail(NoSuchContainer(id));
  }
  return status;
}

bool IsFrozen(const Layout& layout, std::string_view id, const RunState& run) {
  if (run.freezer) return IsFrozenBy(*run.freezer);
  auto location = ReadCgroupLocation(layout, id);
  return location && Cgroup::Open(*std::move(location)).IsFrozen();
}

void ObserveUp(const Layout& layout, std::string_view id, const RunState& run,
               ContainerStatus& status) {
  bool frozen = IsFrozen(layout, id, run);
  // Held still for a moment is not paused.
  bool held_still = frozen && IsHeldStill(layout, id);
  if (held_still && IsFreezeAbandoned(layout, id)) status.needs_healing = true;
  if (IsRewiringAbandoned(layout, id)) status.needs_healing = true;
  status.state = frozen && !held_still ? ContainerState::kPaused
                 : run.ready           ? ContainerState::kRunning
                                       : ContainerState::kInitializing;
  if (IsStopping(layout, id)) status.state = ContainerState::kStopping;
}

Result<ContainerStatus> ObserveWith(const Layout& layout, std::string_view id, const View& view) {
  std::optional<RunState> run;
  if (view.has_run) {
    TRY(run, ReadRunState(layout, id));
  }
  if (!run) return ObserveStopped(layout, id, view);
  ContainerStatus status;
  TRY(bool monitor_works, MonitorWorks(*run, view.duty));
  status.needs_healing = !monitor_works;
  // With a living monitor and a dead init the exit is about to be published; but before it is
  // ready, the monitor has the lock.
  bool is_up = monitor_works && (run->ready || !view.locked);
  if (!is_up && !run->exit) {
    TRY(is_up, IsAlive(run->init));
  }
  if (run->exit) {
    status.state = ContainerState::kExited;
    status.exit = run->exit;
  } else if (is_up) {
    ObserveUp(layout, id, *run, status);
  } else {
    status.state = ContainerState::kExited;
    status.exit = UnknownExit(run->started_at);
  }
  status.run = std::move(run);
  return status;
}

// What ended with the machine is for `hoy system restore`, not for the policy of that run.
Result<bool> MayRestart(const ContainerStatus& status) {
  if (!status.run) return false;
  return IsOfThisBoot(status.run->init);
}

// The clean-up will decide by the same rule.
Result<bool> WillRestart(const Layout& layout, std::string_view id, const ExitRecord& exit) {
  auto summary = ReadSummary(layout, id);
  if (!summary || summary->restart.mode == RestartMode::kNo) return false;
  TRY(RestartState before, ReadRestartState(layout, id));
  return NextRestart(summary->restart, before, exit).has_value();
}

Result<ContainerStatus> ObserveFor(const Layout& layout, std::string_view id, const View& view) {
  TRY(ContainerStatus status, ObserveWith(layout, id, view));
  if (status.state != ContainerState::kExited) return status;
  TRY(bool may_restart, MayRestart(status));
  if (may_restart) {
    TRY(bool restarts, WillRestart(layout, id, *status.exit));
    if (restarts) status.state = ContainerState::kRestarting;
  }
  return status;
}

Result<> RemoveCgroup(const Layout& layout, std::string_view id, std::string_view cgroup_parent,
                      bool kill) {
  auto location = ReadCgroupLocation(layout, id);
  if (location) {
    Cgroup cgroup = Cgroup::Open(*std::move(location));
    if (kill) TRY(cgroup.Kill());
    TRY(cgroup.Remove());
  } else if (location.error().kind != ErrorKind::kNotFound &&
             location.error().kind != ErrorKind::kCorrupt) {
    return Fail(std::move(location).error());
  } else if (Exists(layout.RunContainer(id))) {
    // Killed between making the cgroup and noting where: making it again finds the place.
    CgroupRequest request;
    request.id = id;
    request.parent = cgroup_parent;
    request.all_devices = true;
    if (auto cgroup = Cgroup::Create(request)) TRY(cgroup->Remove());
  }
  return {};
}

// What a run may have left besides its directory and its cgroup.
struct RunTraces {
  bool processes = false;  // in the cgroup
  bool network = false;
  const ContainerRecord* hooks = nullptr;  // whose are to be told that it has stopped
};

// What needs no record: works for a container whose record is damaged, too.
Result<> RemoveTraces(const Layout& layout, std::string_view id, std::string_view cgroup_parent,
                      const RunTraces& traces) {
  TRY(RemoveCgroup(layout, id, cgroup_parent, traces.processes));
  if (traces.network && TheNetworkDriver() != nullptr && Exists(layout.RunContainer(id))) {
    TRY(TheNetworkDriver()->Detach(layout, id));
  }
  if (traces.hooks != nullptr) RunPoststopHooks(layout, *traces.hooks);
  return RemoveRunDirectory(layout, id);
}

bool HasNoRoom(const Error& error) {
  return error.system_errno == ENOSPC || error.system_errno == EDQUOT ||
         error.system_errno == EROFS;
}

// Whether it is nobody else's to tell of the death. A clean-up that was killed took the FIFO, and
// may have told before.
bool TakeDeath(const Layout& layout, std::string_view id, const ExitRecord& exit) {
  if (unlink((layout.RunContainer(id) + "/out").c_str()) == 0) return true;
  auto events = EventReader(layout).Read();
  return !events || std::ranges::none_of(*events, [&](const Event& event) {
    return event.id == id && event.action == "die" && event.time >= exit.finished_at;
  });
}

void RecordDeath(const Layout& layout, const ContainerSummary& container, const ExitRecord& exit) {
  if (exit.oom_killed) RecordContainerEvent(layout, container, "oom");
  Timestamp lasted = exit.started_at != 0 ? exit.finished_at - exit.started_at : 0;
  RecordContainerEvent(layout, container, "die",
                       {{"execDuration", std::to_string(std::max<Timestamp>(lasted, 0) / kSecond)},
                        {"exitCode", std::to_string(exit.exit_code)}});
}

// Who waits out the back-off when the policy says that it starts again.
enum class Restarter {
  kSelf,
  kSpawned,
  kMonitor,  // then it cleans up, too
  kNobody,
};

// The caller holds the lock, and nothing runs.
Result<CleanUpEnd> CleanUpLocked(const Layout& layout, std::string_view id,
                                 const ContainerStatus& status, Restarter restarter) {
  TRY(ContainerSummary summary, ReadSummary(layout, id));
  bool has_run = status.exit && (status.state == ContainerState::kExited ||
                                 status.state == ContainerState::kRestarting);
  bool may_restart = false;
  if (has_run && summary.restart.mode != RestartMode::kNo) {
    TRY(may_restart, MayRestart(status));
  }
  if (may_restart && restarter == Restarter::kMonitor) {
    TRY(RestartState before, ReadRestartState(layout, id));
    if (NextRestart(summary.restart, before, *status.exit)) return CleanUpEnd::kRestarts;
  }
  bool removes = has_run && summary.auto_remove && !IsKept(layout, id);
  Result<> recorded;
  bool newer = false;
  if (has_run && !removes) {
    TRY(std::optional<ExitRecord> kept, ReadExitRecord(layout, id));
    newer = !kept || (status.exit && status.exit->started_at != kept->started_at);
    if (newer && status.exit) recorded = WriteExitRecord(layout, id, *status.exit, true);
  }
  FailPoint("cleanup-begun");
  TRY(ContainerRecord record, ReadContainer(layout, id));
  // Elsewhere the kernel has ended all that its init left behind (pid_namespaces(7)).
  bool kill = record.config.namespaces.pid != NamespaceMode::kPrivate;
  if (!recorded) {
    if (!HasNoRoom(recorded.error())) return Fail(std::move(recorded).error());
    // DATA is full: RUN has the exit, and keeps it until a later command finds room.
    TRY(RemoveCgroup(layout, id, record.config.cgroup_parent, kill));
    return CleanUpEnd::kDone;
  }
  bool dies = has_run && (status.run || newer);
  if (dies && TakeDeath(layout, id, *status.exit)) RecordDeath(layout, summary, *status.exit);
  // Before the run's traces go: it must not look exited for good in between.
  bool restarts = false;
  if (may_restart && restarter != Restarter::kNobody) {
    TRY(restarts, DecideRestart(layout, summary, *status.exit, restarter == Restarter::kSpawned));
  }
  if (has_run && status.exit) KeepReport(layout, record, *status.exit, removes);
  if (status.run && summary.has_health_check && !removes) {
    (void)KeepHealth(layout, id, status.run->started_at);  // without it, nothing is told of it
  }
  TRY(RemoveTraces(layout, id, record.config.cgroup_parent,
                   {.processes = kill, .network = HasNetwork(record.config), .hooks = &record}));
  if (dies) RecordUnmounts(layout, record);
  (void)RemoveOverlays(layout, id, record.config);  // else the next start does
  // While it is there: a sync that ends meanwhile must not take them for written back.
  std::vector<std::string> pending = PendingVolumesOf(layout, record.config);
  if (removes) {
    if (record.config.storage_size > 0) LiftLimits(layout.Container(id));
    TRY(RemoveContainer(layout, id, summary.name));
    RemoveAnonymousVolumes(layout, record.config);
  }
  WriteBackLater(layout, pending);
  return restarts ? CleanUpEnd::kRestarts : CleanUpEnd::kDone;
}

// Its starter and its monitor were killed before its program ran. It may be in the host's root
// still: nobody is to watch over it, or to be led into it. The caller holds the lock.
Result<> EndHalfStarted(const Layout& layout, std::string_view id, const ProcessIdentity& init) {
  constexpr int64_t kPatienceMs = 30'000;
  TRY(std::optional<Fd> process, OpenProcess(init));
  if (process) {
    TRY(SendSignal(*process, SIGKILL));
    TRY(bool ended, AwaitReadable(*process, Deadline(kPatienceMs)));
    if (!ended) {
      return Fail(
          MakeError(ErrorKind::kTimeout,
                    fmt::format("container {}: its start was cut off, and process {} of it does "
                                "not end, even by SIGKILL",
                                ShortId(id), init.pid))
              .WithHint("it may hang in the kernel, for example on a dead mount"));
    }
  }
  TRY(ContainerStatus status, ObserveWith(layout, id, {.locked = true}));
  TRY(CleanUpLocked(layout, id, status, Restarter::kSpawned));
  return {};
}

Result<> HealLocked(const Layout& layout, std::string_view id, const ContainerStatus& status,
                    const ContainerLock& lock) {
  if (status.IsUp()) {
    TRY(ThawAbandoned(layout, id));
    TRY(bool is_held, MonitorWorks(*status.run, MonitorDuty::kItsOwn));
    if (!is_held && !status.run->ready) return EndHalfStarted(layout, id, status.run->init);
    if (!is_held) TRY(Adopt(layout, id, *status.run, lock));
    // What cannot be had again is no reason to refuse anything else; the next one tries again.
    (void)UndoAbandonedRewiring(layout, id);
    return {};
  }
  if (status.restart) {
    // Of a start or a clean-up that was cut off: swept here, or the restarter would find it, too.
    TRY(ContainerRecord record, ReadContainer(layout, id));
    TRY(RemoveTraces(layout, id, record.config.cgroup_parent,
                     {.processes = true, .network = HasNetwork(record.config), .hooks = &record}));
    TRY(RestartState state, ReadRestartState(layout, id));
    TRY(bool restarter_lives, IsAlive(status.restart->restarter));
    return restarter_lives ? Result<>{} : SpawnRestarter(layout, id, std::move(state));
  }
  TRY(CleanUpLocked(layout, id, status, Restarter::kSpawned));
  return {};
}

Result<CleanUpEnd> CleanUpBy(const Layout& layout, std::string_view id, Restarter restarter) {
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock) {
    // Somebody else removed it; then that one removed all of it.
    if (lock.error().kind == ErrorKind::kNotFound) return CleanUpEnd::kDone;
    return Fail(std::move(lock).error());
  }
  TRY(ContainerStatus status, ObserveWith(layout, id, {MonitorDuty::kOurs, true}));
  if (status.state == ContainerState::kRestarting) {
    TRY(RestartState state, ReadRestartState(layout, id));
    return KeepsRestart(state) ? CleanUpEnd::kRestarts : CleanUpEnd::kDone;
  }
  if (status.IsUp() || !status.needs_healing) return CleanUpEnd::kDone;
  return CleanUpLocked(layout, id, status, restarter);
}

}  // namespace

std::string_view ToString(ContainerState state) {
  switch (state) {
    case ContainerState::kCreated: return "created";
    case ContainerState::kInitializing: return "initializing";
    case ContainerState::kRunning: return "running";
    case ContainerState::kPaused: return "paused";
    case ContainerState::kStopping: return "stopping";
    case ContainerState::kRestarting: return "restarting";
    case ContainerState::kExited: return "exited";
    case ContainerState::kFailed: return "failed";
    case ContainerState::kRemoving: return "removing";
  }
  return "unknown";
}

Result<ContainerStatus> Observe(const Layout& layout, std::string_view id) {
  return ObserveFor(layout, id, {});
}

Result<ContainerStatus> Observe(const Layout& layout, std::string_view id, const ContainerLock&) {
  return ObserveFor(layout, id, {.locked = true});
}

Result<ContainerStatus> ObserveListed(const Layout& layout, std::string_view id, bool has_run) {
  return ObserveFor(layout, id, {.has_run = has_run});
}

Result<std::optional<Fd>> OpenChangeFd(const ContainerStatus& status) {
  if (status.run) return OpenProcess(status.run->monitor);
  if (status.restart) return OpenProcess(status.restart->restarter);
  return std::nullopt;
}

Result<ContainerStatus> Heal(const Layout& layout, std::string_view id, Fd* state_file) {
  auto hold_state_file = [&] {
    if (state_file == nullptr) return;
    if (auto file = OpenAt(kCwd, StatePath(layout, id), O_RDONLY)) *state_file = *std::move(file);
  };
  hold_state_file();
  TRY(ContainerStatus status, Observe(layout, id));
  bool waits = status.state == ContainerState::kInitializing && !status.run;
  if (!status.needs_healing && !waits) return status;
  {
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    hold_state_file();
    TRY(status, Observe(layout, id, lock));  // a start may have been in progress
    if (!status.needs_healing) return status;
    TRY(HealLocked(layout, id, status, lock));
    if (status.IsUp()) {
      // The new monitor has made a new one. It cleans up only when we have let go of the lock.
      hold_state_file();
      return Observe(layout, id, lock);
    }
  }
  if (!Exists(layout.Container(id))) return Fail(NoSuchContainer(id));
  return Observe(layout, id);
}

Result<ContainerStatus> HealStarted(const Layout& layout, std::string_view id) {
  auto is_starting = [](const ContainerStatus& status) {
    return status.IsUp() && status.run && !status.run->ready;
  };
  TRY(ContainerStatus status, Heal(layout, id));
  if (!is_starting(status)) return status;
  {
    // Who starts it has the lock, or its monitor, until then.
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    TRY(status, Observe(layout, id, lock));
  }
  // They have died.
  if (is_starting(status) && status.needs_healing) {
    TRY(status, Heal(layout, id));
  }
  if (!is_starting(status)) return status;
  status.state = ContainerState::kInitializing;
  status.run.reset();  // into which nobody is to be led
  return status;
}

Result<ContainerStatus> HealUnlessBusy(const Layout& layout, std::string_view id) {
  TRY(ContainerStatus status, Observe(layout, id));
  if (!status.needs_healing) return status;
  {
    TRY(std::optional<ContainerLock> lock, ContainerLock::TryAcquire(layout, id));
    if (!lock) return status;
    TRY(status, Observe(layout, id, *lock));
    if (!status.needs_healing) return status;
    TRY(HealLocked(layout, id, status, *lock));
  }
  return Observe(layout, id);
}

Result<CleanUpEnd> CleanUp(const Layout& layout, std::string_view id) {
  return CleanUpBy(layout, id, Restarter::kSelf);
}

Result<> FinishRun(const Layout& layout, std::string_view id, const ContainerStatus& status,
                   const ContainerLock&) {
  if (!status.run || status.IsUp()) return {};
  TRY(CleanUpLocked(layout, id, status, Restarter::kNobody));
  if (!Exists(layout.Container(id))) return Fail(NoSuchContainer(id));
  return {};
}

Result<CleanUpEnd> CleanUpForMonitor(const Layout& layout, std::string_view id) {
  return CleanUpBy(layout, id, Restarter::kMonitor);
}

Result<> DismantleRun(const Layout& layout, std::string_view id, std::string_view cgroup_parent) {
  return RemoveTraces(layout, id, cgroup_parent, {.processes = true, .network = true});
}

}  // namespace hoy::core
