#include "core/engine/stop.h"

#include <signal.h>

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

// nullopt: its init is gone already.
Result<std::optional<Fd>> OpenInit(const ContainerStatus& status) {
  if (!status.IsUp() || !status.run) return std::nullopt;
  return OpenProcess(status.run->init);
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

// Before the signal is sent: what it brings about is recorded by others.
void RecordKill(const Layout& layout, const ContainerSummary& container, int signal) {
  RecordContainerEvent(layout, container, "kill", {{"signal", std::to_string(signal)}});
}

// So that no policy starts it again, and a pending restart is called off. False: it is gone.
Result<bool> NoteWish(const Layout& layout, std::string_view id, const ContainerRecord& record) {
  if (record.config.restart.mode == RestartMode::kNo) return true;
  auto lock = ContainerLock::Acquire(layout, id);
  if (!lock && lock.error().kind == ErrorKind::kNotFound) return false;
  if (!lock) return Fail(std::move(lock).error());
  TRY(NoteStoppedByPerson(layout, id));
  return true;
}

// Its end, and the clean-up's. An auto-remove container may be gone by now.
Result<> AwaitDown(const Layout& layout, std::string_view id, int64_t timeout_ms) {
  auto exit = WaitForExit(layout, id, timeout_ms);
  if (!exit && exit.error().kind == ErrorKind::kTimeout) {
    return Fail(
        MakeError(ErrorKind::kTimeout,
                  fmt::format("container {} does not end, even by SIGKILL", ShownName(layout, id)))
            .WithHint("a process of it may hang in the kernel, for example on a dead mount"));
  }
  if (!exit && exit.error().kind != ErrorKind::kNotFound) return Fail(std::move(exit).error());
  return {};
}

void SayIfDeaf(const StopRequest& request, const ContainerStatus& status, int signal,
               int64_t patience) {
  if (!request.deaf || patience == 0) return;
  auto text = ReadFile(fmt::format("/proc/{}/status", status.run->init.pid), 64 << 10);
  SignalEffect effect = text ? EffectOf(*text, signal) : SignalEffect::kTaken;
  if (effect != SignalEffect::kTaken) request.deaf(effect, signal, patience);
}

// Kills it when it runs, and sees it end.
Result<> EndForRemoval(const Layout& layout, std::string_view id, const ContainerStatus& status) {
  if (!status.IsDown()) {
    if (auto record = ReadContainer(layout, id)) TRY(NoteWish(layout, id, *record));
  }
  if (!status.IsUp()) return {};
  TRY(std::optional<Fd> init, OpenInit(status));
  if (auto summary = ReadSummary(layout, id)) RecordKill(layout, *summary, SIGKILL);
  if (init) TRY(SendSignal(*init, SIGKILL));
  TRY(ThawToEnd(layout, id));
  auto ended = WaitForExit(layout, id, kKillPatienceMs);
  if (!ended && ended.error().kind != ErrorKind::kNotFound) return Fail(std::move(ended).error());
  return {};
}

}  // namespace

Result<> KillContainer(const Layout& layout, std::string_view id, int signal, Wish wish) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(Permit(Verb::kKill, status.state, layout, id));
  TRY(ContainerRecord record, ReadContainer(layout, id));
  bool ends = signal == SIGKILL || signal == record.config.stop_signal;
  if (ends && wish == Wish::kPersons) {
    TRY(bool is_there, NoteWish(layout, id, record));
    if (!is_there) return {};
    TRY(status, Heal(layout, id));
    if (status.IsDown()) return {};  // it was waiting to be restarted
  }
  TRY(std::optional<Fd> init, OpenInit(status));
  if (!init) {
    return Fail(ErrorKind::kConflict, "container {} is not running", ShownName(layout, id));
  }
  RecordKill(layout, record.Summary(), signal);
  TRY(SendSignal(*init, signal));
  return ends ? ThawToEnd(layout, id) : Result<>{};
}

Result<> StopContainer(const Layout& layout, std::string_view id, const StopRequest& request) {
  TRY(ContainerStatus status, Heal(layout, id));
  TRY(bool go, Permit(Verb::kStop, status.state, layout, id));
  if (!go) return AwaitDown(layout, id, -1);
  TRY(ContainerRecord record, ReadContainer(layout, id));
  TRY(bool is_there, NoteWish(layout, id, record));
  if (!is_there) return {};
  TRY(status, Heal(layout, id));
  Fd note = NoteStopping(layout, id);
  TRY(std::optional<Fd> init, OpenInit(status));
  if (!init) return AwaitDown(layout, id, -1);
  int64_t patience = request.timeout_seconds.value_or(record.config.stop_timeout_seconds);
  int signal = request.signal.value_or(record.config.stop_signal);
  SayIfDeaf(request, status, signal, patience);
  ContainerSummary summary = record.Summary();
  RecordKill(layout, summary, signal);
  TRY(SendSignal(*init, signal));
  TRY(ThawToEnd(layout, id));
  TRY(bool ended, AwaitReadable(*init, Deadline(patience < 0 ? -1 : patience * 1000)));
  if (!ended) {
    RecordKill(layout, summary, SIGKILL);
    TRY(SendSignal(*init, SIGKILL));
    TRY(ThawToEnd(layout, id));  // somebody may have paused it meanwhile
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
  TRY(bool ended, AwaitReadable(*init, Deadline(kKillPatienceMs)));
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
    TRY(EndForRemoval(layout, id, *status));
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
  if (record && record->config.storage_size > 0) LiftLimit(layout.Container(id) + "/upper");
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
