#include "core/engine/lifecycle.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/fail_point.h"
#include "core/cgroup/cgroup.h"
#include "core/engine/adopt.h"
#include "core/engine/freeze.h"
#include "core/engine/report.h"
#include "core/engine/run_directory.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

bool IsAlive(const ProcessIdentity& identity) {
  auto process = OpenProcess(identity);
  return process && process->has_value();
}

// The monitor's pid stays the same when it execs the clean-up, which is then this process.
bool MonitorWorks(const RunState& run, MonitorDuty duty) {
  return duty == MonitorDuty::kItsOwn && run.monitor.pid != getpid() && IsAlive(run.monitor);
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

// There is no run: what do DATA's own traces say?
Result<ContainerStatus> ObserveStopped(const Layout& layout, std::string_view id) {
  ContainerStatus status;
  TRY(status.exit, ReadExitRecord(layout, id));
  if (status.exit) {
    if (status.exit->error.empty()) status.state = ContainerState::kExited;
  } else if (Exists(layout.Log(id))) {
    // It has run, and nobody could write down how it ended: the machine went down.
    status.state = ContainerState::kExited;
    status.exit = UnknownExit(0);
    status.needs_healing = true;
  }
  if (Exists(layout.RunContainer(id))) status.needs_healing = true;
  // No trace of a run, or no traces any more?
  if (status.state == ContainerState::kCreated && !Exists(layout.Container(id))) {
    return Fail(NoSuchContainer(id));
  }
  return status;
}

Result<ContainerStatus> ObserveWith(const Layout& layout, std::string_view id, MonitorDuty duty) {
  TRY(std::optional<RunState> run, ReadRunState(layout, id));
  if (!run) return ObserveStopped(layout, id);
  ContainerStatus status;
  bool monitor_works = MonitorWorks(*run, duty);
  status.needs_healing = !monitor_works;
  if (run->exit) {
    status.state = ContainerState::kExited;
    status.exit = run->exit;
  } else if (IsAlive(run->init) || monitor_works) {
    // With a living monitor and a dead init the exit is about to be published.
    status.state = ContainerState::kRunning;
    if (IsFreezeAbandoned(layout, id)) status.needs_healing = true;
  } else {
    status.state = ContainerState::kExited;
    status.exit = UnknownExit(run->started_at);
  }
  status.run = std::move(run);
  return status;
}

Result<> RemoveCgroup(const Layout& layout, std::string_view id, std::string_view cgroup_parent,
                      bool kill) {
  auto location = ReadCgroupLocation(layout, id);
  if (location) {
    Cgroup cgroup = Cgroup::Open(*std::move(location));
    if (kill) TRY(cgroup.Kill());
    TRY(cgroup.Remove());
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

// What needs no record: works for a container whose record is damaged, too.
Result<> RemoveTraces(const Layout& layout, std::string_view id, std::string_view cgroup_parent,
                      bool kill) {
  TRY(RemoveCgroup(layout, id, cgroup_parent, kill));
  return RemoveRunDirectory(layout, id);
}

bool HasNoRoom(const Error& error) {
  return error.system_errno == ENOSPC || error.system_errno == EDQUOT ||
         error.system_errno == EROFS;
}

// The caller holds the lock, and nothing runs.
Result<> CleanUpLocked(const Layout& layout, std::string_view id, const ContainerStatus& status) {
  TRY(ContainerSummary summary, ReadSummary(layout, id));
  bool has_run = status.state == ContainerState::kExited;
  Result<> recorded;
  if (has_run && !summary.auto_remove) {
    TRY(std::optional<ExitRecord> kept, ReadExitRecord(layout, id));
    bool newer = !kept || (status.exit && status.exit->started_at != kept->started_at);
    if (newer && status.exit) recorded = WriteExitRecord(layout, id, *status.exit, true);
  }
  FailPoint("cleanup-begun");
  TRY(ContainerRecord record, ReadContainer(layout, id));
  if (!recorded) {
    if (!HasNoRoom(recorded.error())) return recorded;
    // DATA is full: RUN has the exit, and keeps it until a later command finds room.
    return RemoveCgroup(layout, id, record.config.cgroup_parent, false);
  }
  if (has_run && status.exit) KeepReport(layout, record, *status.exit, summary.auto_remove);
  TRY(RemoveTraces(layout, id, record.config.cgroup_parent, false));
  if (has_run && summary.auto_remove) return RemoveContainer(layout, id, summary.name);
  return {};
}

}  // namespace

std::string_view ToString(ContainerState state) {
  switch (state) {
    case ContainerState::kCreated: return "created";
    case ContainerState::kRunning: return "running";
    case ContainerState::kExited: return "exited";
  }
  return "unknown";
}

Result<ContainerStatus> Observe(const Layout& layout, std::string_view id) {
  return ObserveWith(layout, id, MonitorDuty::kItsOwn);
}

Result<ContainerStatus> Heal(const Layout& layout, std::string_view id, Fd* state_file) {
  auto hold_state_file = [&] {
    if (state_file == nullptr) return;
    if (auto file = OpenAt(kCwd, StatePath(layout, id), O_RDONLY)) *state_file = *std::move(file);
  };
  hold_state_file();
  TRY(ContainerStatus status, Observe(layout, id));
  if (!status.needs_healing) return status;
  {
    TRY(ContainerLock lock, ContainerLock::Acquire(layout, id));
    hold_state_file();
    TRY(status, Observe(layout, id));  // a start may have been in progress
    if (!status.needs_healing) return status;
    TRY(ThawAbandoned(layout, id));
    TRY(status, Observe(layout, id));
    if (!status.needs_healing) return status;
    if (status.state == ContainerState::kRunning) {
      TRY(Adopt(layout, id, *status.run));
      // The new monitor has made a new one. It cleans up only when we have let go of the lock.
      hold_state_file();
      return Observe(layout, id);
    }
    TRY(CleanUpLocked(layout, id, status));
  }
  if (!Exists(layout.Container(id))) return Fail(NoSuchContainer(id));
  return Observe(layout, id);
}

Result<> CleanUp(const Layout& layout, std::string_view id, MonitorDuty duty) {
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock) {
    // Somebody else removed it; then that one removed all of it.
    return lock.error().kind == ErrorKind::kNotFound ? Result<>{} : Fail(std::move(lock).error());
  }
  TRY(ContainerStatus status, ObserveWith(layout, id, duty));
  if (status.state == ContainerState::kRunning || !status.needs_healing) return {};
  return CleanUpLocked(layout, id, status);
}

Result<> DismantleRun(const Layout& layout, std::string_view id, std::string_view cgroup_parent) {
  return RemoveTraces(layout, id, cgroup_parent, true);
}

}  // namespace hoy::core
