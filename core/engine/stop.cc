#include "core/engine/stop.h"

#include <poll.h>
#include <signal.h>

#include <set>

#include "core/cgroup/cgroup.h"
#include "core/engine/lifecycle.h"
#include "core/engine/remote_volumes.h"
#include "core/engine/restart.h"
#include "core/engine/run_directory.h"
#include "core/engine/state_rules.h"
#include "core/engine/stop_note.h"
#include "core/state/event_log.h"
#include "core/state/volume.h"
#include "core/sys/files.h"
#include "core/sys/project_quota.h"

namespace hoy::core {
namespace {

// SIGKILL is not always obeyed at once (a process in a dead NFS mount); then this is an error.
constexpr int64_t kKillPatienceMs = 30'000;

// What cannot be mended while it runs, for example because no monitor can be started, can be ended.
Result<ContainerStatus> HealOrObserve(const Layout& layout, std::string_view id) {
  auto healed = Heal(layout, id);
  if (healed || healed.error().kind == ErrorKind::kNotFound) return healed;
  auto seen = Observe(layout, id);
  return seen && seen->IsUp() ? std::move(seen) : std::move(healed);
}

// nullopt: its init is gone already.
Result<std::optional<Fd>> OpenInit(const ContainerStatus& status) {
  if (!status.IsUp() || !status.run) return std::nullopt;
  return OpenProcess(status.run->init);
}

bool IsOnItsWay(const ContainerStatus& status) {
  return status.state == ContainerState::kInitializing && status.IsUp();
}

// Until its program runs, its first process takes no signal but SIGKILL, and who starts it has the
// lock, for as long as that hangs.
Result<> EndHungStart(const Layout& layout, std::string_view id, ContainerStatus status,
                      int64_t patience_ms) {
  constexpr int kPauseMs = 20;
  Deadline deadline(patience_ms);
  while (IsOnItsWay(status) && !deadline.Passed()) {
    poll(nullptr, 0, kPauseMs);
    TRY(status, HealOrObserve(layout, id));
  }
  if (!IsOnItsWay(status)) return {};
  TRY(std::optional<Fd> init, OpenInit(status));
  return init ? SendSignal(*init, SIGKILL) : Result<>{};
}

// A signal to a frozen process is taken when it thaws.
Result<> ThawToEnd(const Layout& layout, std::string_view id) {
  auto location = ReadCgroupLocation(layout, id);
  if (!location) return {};
  Cgroup cgroup = Cgroup::Open(*std::move(location));
  if (!cgroup.IsFrozen()) return {};
  auto thawed = cgroup.Thaw();
  return !thawed && !cgroup.IsFrozen() ? Result<>{} : std::move(thawed);
}

// With the first process of a PID namespace the kernel kills all in it, and waits for them; on
// cgroup v1 those of a paused container wait, too.
void ThawThoseWhoJoined(const Layout& layout, std::string_view id) {
  auto ids = ListContainerIds(layout);
  std::set<std::string> inside = {std::string(id)};
  for (bool found = true; found && ids;) {
    found = false;
    for (const std::string& other : *ids) {
      if (inside.contains(other)) continue;
      auto record = ReadContainer(layout, other);
      if (!record || !inside.contains(record->config.namespaces.pid_container)) continue;
      (void)ThawToEnd(layout, other);
      inside.insert(other);
      found = true;
    }
  }
}

// False: it lives on.
Result<bool> AwaitKilled(const Layout& layout, std::string_view id, BorrowedFd init) {
  constexpr int64_t kPromptMs = 500;
  TRY(bool ended, AwaitReadable(init, Deadline(kPromptMs)));
  if (ended) return true;
  ThawThoseWhoJoined(layout, id);
  return AwaitReadable(init, Deadline(kKillPatienceMs));
}

// Before the signal is sent: what it brings about is recorded by others.
void RecordKill(const Layout& layout, const ContainerSummary& container, int signal) {
  RecordContainerEvent(layout, container, "kill", {{"signal", std::to_string(signal)}});
}

// So that no policy starts it again, and a pending restart is called off. False: it is gone.
Result<bool> NoteWish(const Layout& layout, std::string_view id, const ContainerRecord& record) {
  if (record.config.restart.mode == RestartMode::kNo) {
    TRY(RestartState state, ReadRestartState(layout, id));
    if (!state.pending) return true;
  }
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock && lock.error().kind == ErrorKind::kNotFound) return false;
  if (!lock) return Fail(std::move(lock).error());
  TRY(NoteStoppedByPerson(layout, id));
  return true;
}

Error DoesNotEnd(const Layout& layout, std::string_view id) {
  return MakeError(ErrorKind::kTimeout,
                   fmt::format("container {} does not end, even by SIGKILL", ShownName(layout, id)))
      .WithHint("a process of it may hang in the kernel, for example on a dead mount");
}

// Its end, and the clean-up's. An auto-remove container may be gone by now.
Result<> AwaitDown(const Layout& layout, std::string_view id, int64_t timeout_ms) {
  auto exit = WaitForExit(layout, id, timeout_ms);
  if (!exit && exit.error().kind == ErrorKind::kTimeout) {
    return Fail(DoesNotEnd(layout, id));
  }
  if (!exit && exit.error().kind != ErrorKind::kNotFound) return Fail(std::move(exit).error());
  return {};
}

void SayIfDeaf(const StopRequest& request, const ContainerStatus& status, int signal,
               int64_t patience) {
  if (!request.deaf || patience == 0) return;
  SignalEffect effect = EffectOn(status.run->init.pid, signal);
  if (effect != SignalEffect::kTaken) request.deaf(effect, signal, patience);
}

// Kills it when it runs, and sees it end.
Result<> EndForRemoval(const Layout& layout, std::string_view id, const ContainerStatus& status) {
  if (!status.IsDown() && !IsOnItsWay(status)) {
    if (auto record = ReadContainer(layout, id)) TRY(NoteWish(layout, id, *record));
  }
  if (!status.IsUp()) return {};
  TRY(std::optional<Fd> init, OpenInit(status));
  if (auto summary = ReadSummary(layout, id)) RecordKill(layout, *summary, SIGKILL);
  if (init) TRY(SendSignal(*init, SIGKILL));
  TRY(ThawToEnd(layout, id));
  if (init) TRY(AwaitKilled(layout, id, *init));
  auto ended = WaitForExit(layout, id, kKillPatienceMs);
  if (!ended && ended.error().kind != ErrorKind::kNotFound) return Fail(std::move(ended).error());
  return {};
}

}  // namespace

Result<> KillContainer(const Layout& layout, std::string_view id, int signal, Wish wish) {
  TRY(ContainerStatus status, HealOrObserve(layout, id));
  TRY(Permit(Verb::kKill, status.state, layout, id));
  TRY(ContainerRecord record, ReadContainer(layout, id));
  bool ends = signal == SIGKILL || signal == record.config.stop_signal;
  if (signal == SIGKILL) TRY(EndHungStart(layout, id, status, 0));
  if (ends && wish == Wish::kPersons) {
    TRY(bool is_there, NoteWish(layout, id, record));
    if (!is_there) return {};
    TRY(status, HealOrObserve(layout, id));
    if (status.IsDown()) return {};  // it was waiting to be restarted
  }
  TRY(std::optional<Fd> init, OpenInit(status));
  if (!init) {
    return Fail(ErrorKind::kConflict, "container {} is not running", ShownName(layout, id));
  }
  RecordKill(layout, record.Summary(), signal);
  TRY(SendSignal(*init, signal));
  if (ends) TRY(ThawToEnd(layout, id));
  if (signal != SIGKILL) return {};
  TRY(bool ended, AwaitKilled(layout, id, *init));
  if (!ended) return Fail(DoesNotEnd(layout, id));
  if (wish != Wish::kPersons) return {};
  // Who starts it now is to start it, and not to hear that it runs. But the client that cleans up
  // may have been stopped, and hooks take their time: ended it has all the same.
  constexpr int64_t kCleanUpPatienceMs = 2'000;
  auto down = WaitForExit(layout, id, kCleanUpPatienceMs);
  bool is_over =
      down || down.error().kind == ErrorKind::kTimeout || down.error().kind == ErrorKind::kNotFound;
  return is_over ? Result<>{} : Fail(std::move(down).error());
}

Result<> StopContainer(const Layout& layout, std::string_view id, const StopRequest& request) {
  TRY(ContainerStatus status, HealOrObserve(layout, id));
  TRY(bool go, Permit(Verb::kStop, status.state, layout, id));
  if (!go) return AwaitDown(layout, id, -1);
  TRY(ContainerRecord record, ReadContainer(layout, id));
  int64_t patience = request.timeout_seconds.value_or(record.config.stop_timeout_seconds);
  int64_t patience_ms = patience < 0 ? -1 : patience * 1000;
  TRY(EndHungStart(layout, id, status, patience_ms));
  if (request.wish == Wish::kPersons) {
    TRY(bool is_there, NoteWish(layout, id, record));
    if (!is_there) return {};
  }
  TRY(status, HealOrObserve(layout, id));
  Fd note = NoteStopping(layout, id);
  TRY(std::optional<Fd> init, OpenInit(status));
  if (!init) return AwaitDown(layout, id, -1);
  int signal = request.signal.value_or(record.config.stop_signal);
  SayIfDeaf(request, status, signal, patience);
  ContainerSummary summary = record.Summary();
  RecordKill(layout, summary, signal);
  TRY(SendSignal(*init, signal));
  TRY(ThawToEnd(layout, id));
  TRY(bool ended, AwaitReadable(*init, Deadline(patience_ms)));
  if (!ended) {
    RecordKill(layout, summary, SIGKILL);
    TRY(SendSignal(*init, SIGKILL));
    TRY(ThawToEnd(layout, id));  // somebody may have paused it meanwhile
    TRY(AwaitKilled(layout, id, *init));
  }
  TRY(AwaitDown(layout, id, kKillPatienceMs));
  RecordContainerEvent(layout, summary, "stop");
  return {};
}

Fd KeepThroughRestart(const Layout& layout, std::string_view id) {
  return NoteKept(layout, id);
}

namespace {

// Under the lock. Where there are no cgroups, this is all that ends it.
Result<> KillRun(const Layout& layout, std::string_view id) {
  auto run = ReadRunState(layout, id);
  if (!run && run.error().kind == ErrorKind::kCorrupt) return {};
  if (!run) return Fail(std::move(run).error());
  if (!*run) return {};
  TRY(std::optional<Fd> init, OpenProcess((*run)->init));
  if (!init) return {};
  TRY(SendSignal(*init, SIGKILL));
  TRY(ThawToEnd(layout, id));
  TRY(bool ended, AwaitKilled(layout, id, *init));
  if (!ended) return Fail(ErrorKind::kTimeout, "container {} does not end", ShownName(layout, id));
  return {};
}

}  // namespace

Result<> RemoveStoppedContainer(const Layout& layout, std::string_view id, bool force,
                                WithVolumes volumes) {
  Verb verb = force ? Verb::kForceRemove : Verb::kRemove;
  auto status = Heal(layout, id);
  // What cannot be mended can be removed all the same.
  if (!status && force) status = Observe(layout, id);
  if (!status && status.error().kind == ErrorKind::kNotFound) return {};
  // A damaged state does not tell; anything else may hide a running container.
  if (!status && !(force && status.error().kind == ErrorKind::kCorrupt)) {
    return Fail(std::move(status).error());
  }
  if (status) {
    TRY(Permit(verb, status->state, layout, id));
    if (force || !status->IsUp()) TRY(EndForRemoval(layout, id, *status));
  }
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock) {
    // An auto-remove container took itself away.
    return lock.error().kind == ErrorKind::kNotFound ? Result<>{} : Fail(std::move(lock).error());
  }
  // Somebody may have started it since.
  if (force) {
    TRY(KillRun(layout, id));
  } else {
    TRY(ContainerStatus now, Observe(layout, id, *lock));
    TRY(Permit(verb, now.state, layout, id));
  }
  std::string name;
  std::string cgroup_parent;
  auto record = ReadContainer(layout, id);
  if (record) {
    name = record->name;
    cgroup_parent = record->config.cgroup_parent;
  } else if (auto summary = ReadSummary(layout, id)) {
    name = summary->name;
  }
  if (Exists(layout.RunContainer(id))) TRY(DismantleRun(layout, id, cgroup_parent));
  // Where the record does not tell there may be one.
  if (!record || record->config.storage_size > 0) LiftLimits(layout.Container(id));
  std::vector<std::string> pending;
  if (record) pending = PendingVolumesOf(layout, record->config);
  TRY(RemoveContainer(layout, id, name));
  if (record && (volumes == WithVolumes::kAnonymous || record->config.auto_remove)) {
    RemoveAnonymousVolumes(layout, record->config);
  }
  WriteBackLater(layout, pending);
  return {};
}

}  // namespace hoy::core
