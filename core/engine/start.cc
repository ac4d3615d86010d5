#include "core/engine/start.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "core/base/fail_point.h"
#include "core/base/rollback.h"
#include "core/base/text.h"
#include "core/cgroup/cgroup.h"
#include "core/cgroup/host.h"
#include "core/engine/adopt.h"
#include "core/engine/bind_sources.h"
#include "core/engine/etc_files.h"
#include "core/engine/hooks.h"
#include "core/engine/joined_namespaces.h"
#include "core/engine/lifecycle.h"
#include "core/engine/log_plan.h"
#include "core/engine/made_mounts.h"
#include "core/engine/network_driver.h"
#include "core/engine/owned_mounts.h"
#include "core/engine/process_plan.h"
#include "core/engine/remote_volumes.h"
#include "core/engine/report.h"
#include "core/engine/resolve.h"
#include "core/engine/restart.h"
#include "core/engine/run_directory.h"
#include "core/engine/spawn_monitor.h"
#include "core/engine/start_failure.h"
#include "core/engine/start_plan.h"
#include "core/engine/state_rules.h"
#include "core/engine/timezone.h"
#include "core/engine/volumes.h"
#include "core/rootfs/mount_points.h"
#include "core/rootfs/propagation.h"
#include "core/state/container_id.h"
#include "core/state/event_log.h"
#include "core/state/s3_volume.h"
#include "core/state/secrets.h"
#include "core/sys/files.h"
#include "core/sys/start_marks.h"

namespace hoy::core {
namespace {

constexpr std::string_view kRunsAlready = "already running";

// What a "volatile" overlay leaves in its work directory, so that nobody mounts it again after a
// crash without looking (Documentation/filesystems/overlayfs.rst). A container that is removed when
// it ends can have it only from a start that failed, which wrote nothing.
Result<> ForgetVolatileMount(const Layout& layout, const ContainerRecord& record) {
  std::string work = layout.Container(record.id) + "/work/work";
  if (!record.config.auto_remove || !Exists(work + "/incompat")) return {};
  return RemoveTree(work);
}

Result<Cgroup> MakeCgroup(const CgroupHost& host, const ContainerRecord& record) {
  CgroupRequest request;
  request.id = record.id;
  request.parent = record.config.cgroup_parent;
  request.limits = record.config.limits;
  request.all_devices = record.config.device_rules.empty();
  request.devices = record.config.device_rules;
  return Cgroup::Create(host, request);
}

// Where the first process of a PID namespace has ended meanwhile, nothing can be forked into it.
Result<> CheckJoinedPid(const Layout& layout, const ContainerRecord& record) {
  const std::string& joined = record.config.namespaces.pid_container;
  if (!joined.empty()) TRY(OpenFileOfContainer(layout, joined, "ns/pid", "--pid"));
  return {};
}

Result<StartInput> MakeInput(const Layout& layout, const ContainerRecord& record,
                             const StartRequest& request) {
  StartInput input;
  input.record = &record;
  input.layout = &layout;
  input.rows = request.rows;
  input.columns = request.columns;
  input.cleanup_argv = CleanUpCommand(layout, record.id);
  if (record.config.HasHealthCheck()) input.probe_argv = ProbeCommand(layout, record.id);
  if (record.config.sync_interval_ns > 0) input.sync_argv = SyncVolumesCommand(layout, record.id);
  TRY(input.boot_id, BootId());
  input.passes_fds = !request.passed_fds.empty();
  return input;
}

Result<> CheckLayers(const Layout& layout, const ContainerRecord& record) {
  if (const std::string& path = record.config.rootfs.path; !path.empty()) {
    TRY_CONTEXT(OpenDirectory(path), "root file system");
  }
  for (const std::string& chain_id : record.config.image.chain_ids) {
    if (Exists(layout.LayerFiles(chain_id))) continue;
    return Fail(MakeError(ErrorKind::kCorrupt,
                          fmt::format("layer {} of image '{}' is missing", ShortId(chain_id),
                                      record.config.image.reference))
                    .WithHint(fmt::format("hoy pull {}", record.config.image.reference)));
  }
  return {};
}

void DropCapability(CapabilitySets& sets, int capability) {
  uint64_t keep = ~(uint64_t{1} << capability);
  for (uint64_t* set :
       {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient}) {
    *set &= keep;
  }
}

// The name of the step as ExplainStartFailure knows it, and what it was about.
Error ExplainFailedStep(LayeredRoot& root, const ContainerRecord& record,
                        const ResolvedProcess& process, const StartChannel& channel,
                        const StartMessage& message) {
  StepDescription step = channel.Describe(message);
  StartFailure failure{std::string(step.stage), static_cast<int>(message.value), step.subject};
  if (auto error = ExplainSubpath(record.config.mounts, failure)) return *std::move(error);
  return ExplainStartFailure(&root, record.config.process, &process.user, failure);
}

// What goes along with the first plan (plan.h, PlanOrder).
std::vector<int> DescriptorsFor(const ContainerRecord& record, const StartRequest& request,
                                const JoinedNamespaces& joined) {
  std::vector<int> fds;
  joined.AppendTo(fds);
  if (record.config.log.driver == LogDriver::kPassthrough) {
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) fds.push_back(stream);
  }
  for (int passed : request.passed_fds) fds.push_back(passed);
  return fds;
}

// clone3 puts the process into a cgroup v2; into those of v1 it goes by itself, later.
Result<> SendClonePlan(SpawnedMonitor& monitor, const ContainerRecord& record,
                       const StartRequest& request, const JoinedNamespaces& joined,
                       const CgroupLocation& cgroup) {
  return monitor.channel.SendPlan(BuildClonePlan(record.config, cgroup).Serialize(),
                                  DescriptorsFor(record, request, joined));
}

// An address or a port that is in use is not what kConflict means here: that it runs already.
Error NotAConflict(Error error) {
  if (error.kind == ErrorKind::kConflict) error.kind = ErrorKind::kStart;
  return error;
}

Result<JoinedNamespaces> OpenJoined(const Layout& layout, const ContainerRecord& record) {
  auto opened = OpenJoinedNamespaces(layout, record);
  return opened ? std::move(opened) : Fail(NotAConflict(std::move(opened).error()));
}

// Hosts and resolv.conf, and before them what they tell of.
Result<MonitorNetwork> SetUpNetwork(const Layout& layout, const ContainerRecord& record,
                                    BorrowedFd network_namespace, Rollback& rollback) {
  TRY(WriteHostname(layout, record));
  if (!HasNetwork(record.config)) {
    TRY(WriteEtcFiles(layout, record));
    return MonitorNetwork();
  }
  rollback.Add([&] { (void)TheNetworkDriver()->Detach(layout, record.id); });
  auto attached = TheNetworkDriver()->Attach(layout, record, network_namespace);
  MarkStart("network");
  if (!attached) return Fail(NotAConflict(std::move(attached).error()));
  return attached;
}

Result<StartedContainer> StartLocked(const Layout& layout, const ContainerRecord& record,
                                     const StartRequest& request, const ContainerLock& lock) {
  TRY(StartInput input, MakeInput(layout, record, request));
  TRY(std::vector<VolumeLock> volumes, HoldVolumes(layout, record.config, FilesAccess::kWrite));
  // It starts up while we look things up; without a plan it ends by itself. It shares our lock: if
  // we are killed, nobody may look before it has ended what nobody waits for.
  TRY(SpawnedMonitor monitor,
      SpawnMonitor(
          {.label = std::string(ShortId(record.id)), .attach = request.attach, .lock = lock.fd()}));
  MarkStart("monitor spawned");
  TRY(input.next_log_number, PrepareLog(layout, record));
  CgroupHost host = DetectCgroupHost();
  bool cgroup_first = host.version == CgroupVersion::kV2;
  TRY(JoinedNamespaces joined, OpenJoined(layout, record));
  if (!cgroup_first) TRY(SendClonePlan(monitor, record, request, joined, {}));
  auto opened = OpenContainerRoot(layout, record.id, record.config);
  if (!opened) {
    TRY(CheckLayers(layout, record));
    return Fail(std::move(opened).error());
  }
  LayeredRoot root = *std::move(opened);
  TRY(input.process, ResolveProcess(root, record.config.process));
  TRY(SeccompProgram seccomp,
      ResolveSeccomp(record.config.seccomp, record.config.process.capabilities));
  input.seccomp = seccomp.instructions();
  TRY(input.timezone, ResolveTimezone(root, record.config));
  // Not before the config is known to make sense: they stay on the host.
  TRY(MakeMissingSources(record.config));
  for (const Mount& mount : record.config.mounts) TRY(CheckPropagation(mount));
  TRY(OwnedMounts owned,
      OwnedMounts::Prepare(record.config, {input.process.user.uid, input.process.user.gid}));
  input.owners = owned.Files();
  MarkStart("user and program found");
  Rollback rollback;
  rollback.Add([&] {
    RunPoststopHooks(layout, record);
    (void)RemoveRunDirectory(layout, record.id);
  });
  TRY(MakeRunDirectory(layout, record.id, input.process.user.uid, input.process.user.gid));
  FailPoint("start-run-directory");
  TRY(MonitorNetwork network, SetUpNetwork(layout, record, joined.network, rollback));
  if (input.timezone && input.timezone->link.empty()) {
    TRY(WriteEtcFile(layout, record.id, "localtime", input.timezone->content));
  }
  TRY(PrepareMountPoints(layout));
  TRY(ForgetVolatileMount(layout, record));
  TRY(MakeOverlays(layout, record));
  MarkStart("run directory");
  TRY(Cgroup cgroup, MakeCgroup(host, record));
  // By its location: the handle is gone before the rollback runs.
  rollback.Add([location = cgroup.location()] {
    (void)Cgroup::Open(location).Kill();
    (void)Cgroup::Open(location).Remove();
  });
  FailPoint("start-cgroup");
  MarkStart("cgroup");
  input.cgroup = cgroup.location();
  const CgroupHierarchy* cpuset = host.Find("cpuset");
  if (cpuset != nullptr) input.cpuset_hierarchy = cpuset->name;
  if (cgroup_first) {
    TRY(SendClonePlan(monitor, record, request, joined, input.cgroup));
  }
  // Where the kernel does not enforce device rules, making nodes would open every device.
  bool confine = !cgroup.devices_enforced() && !record.config.privileged;
  ContainerRecord adjusted;
  bool has_secrets = !record.config.secret_variables.empty();
  if (confine || has_secrets || !request.env.empty() || !request.mounts.empty()) {
    adjusted = record;
    input.record = &adjusted;
  }
  if (confine) DropCapability(adjusted.config.process.capabilities, CAP_MKNOD);
  TRY(std::vector<std::string> secrets, ReadSecretVariables(layout, record));
  for (const std::string& entry : secrets) SetVariable(adjusted.config.process.env, entry);
  for (const std::string& entry : request.env) {
    SetVariable(adjusted.config.process.env, entry);
  }
  for (const Mount& mount : request.mounts) adjusted.config.mounts.push_back(mount);
  TRY(WriteCgroupLocation(layout, record.id, input.cgroup));

  TRY(HookMeeting hooks, HookMeeting::Prepare(record));
  input.hooks_arrival = hooks.ArrivalPath();
  input.hooks_leave = hooks.LeavePath();
  PlanBuilder plan = BuildStartPlan(input);
  network.Describe(plan, layout, record.id);
  TRY(monitor.channel.SendLastPlan(plan.Serialize(), network.Descriptors()));
  network = {};
  monitor.program.reset();  // we have nothing else to do now
  FailPoint("start-spawned");
  MarkStart("plan sent");
  auto hooked = hooks.Run(layout, record, monitor.channel.socket(),
                          /*attended=*/request.reason == StartReason::kPerson);
  TRY(StartReply reply, monitor.channel.Receive());
  if (reply.kind == StartReply::Kind::kEndOfFile) {
    (void)cgroup.Kill();
    return Fail(ErrorKind::kSystem, "the monitor was killed before the container could start");
  }
  if (reply.message.kind == StartMessageKind::kNeverRan) {
    rollback.Commit();
    monitor.process.Release();  // it cleans up
    return Fail(KilledBeforeItRan(record.config.limits, reply.message));
  }
  if (reply.message.kind != StartMessageKind::kStarted) {
    (void)monitor.process.Wait();  // then nothing of it is left that could hold the cgroup
    if (reply.message.kind == StartMessageKind::kSetup)
      return Fail(SetupFailure(record.config.log, reply.message));
    TRY(std::move(hooked));
    TRY(CheckJoinedPid(layout, record));
    return Fail(ExplainFailedStep(root, record, input.process, monitor.channel, reply.message));
  }
  rollback.Commit();
  // What the last run left must not be taken for this one's.
  (void)Unlink(ExitPath(layout, record.id));
  FailPoint("start-done");
  MarkStart("program runs");
  // The lock is ours still: its clean-up, however soon it ends, finds them.
  if (StartMarksWanted()) (void)KeepStartMarks(layout, record.id, StartMarks());
  return StartedContainer{.pid = static_cast<pid_t>(reply.message.value),
                          .log_place = reply.message.log_end,
                          .monitor = std::move(monitor.process),
                          .warnings = {}};
}

Result<> FetchRemoteVolumes(const Layout& layout, const ContainerConfig& config,
                            StartReason reason) {
  std::vector<std::string> volumes = RemoteVolumesOf(config);
  if (volumes.empty()) return {};
  if (TheRemoteVolumes() == nullptr) {
    return Fail(ErrorKind::kUnsupported, "this program cannot fetch what an S3 volume holds");
  }
  if (reason != StartReason::kRestartPolicy) {
    return TheRemoteVolumes()->Fetch(layout, volumes, FetchEffort::kAll);
  }
  // What is not there yet comes with a later start. A container that is to be kept up goes on with
  // the copy that it had, as it would have without an end, and the sooner the better; the volumes'
  // status says what failed. What it wrote itself is newer than what is there.
  std::erase_if(volumes, [&](const auto& name) { return Exists(S3PendingPath(layout, name)); });
  if (!volumes.empty()) {
    (void)TheRemoteVolumes()->Fetch(layout, volumes, FetchEffort::kOneTry);
  }
  return {};
}

// What is mounted for one start, and the record that tells of it.
struct MountedRecord {
  std::optional<ContainerRecord> record;
  Result<MadeMounts> mounts;
};

struct LockedStart {
  StartedContainer started;
  PoststartHooks hooks;
};

Result<LockedStart> LockAndStart(const Layout& layout, const ContainerRecord& record,
                                 const StartRequest& request, MountedRecord mounted) {
  TRY(ContainerLock lock, ContainerLock::Acquire(layout, record.id));
  TRY(ContainerStatus status, Observe(layout, record.id, lock));
  TRY(bool go, Permit(Verb::kStart, status.state, record.name));
  if (!go) {
    Error error = MakeError(ErrorKind::kConflict,
                            fmt::format("container '{}' is already running", record.name));
    error.stage = kRunsAlready;
    return Fail(std::move(error));
  }
  if (!mounted.record && MadeMounts::AreIn(record.config)) {
    return Fail(ErrorKind::kConflict, "container '{}' was ending just now; start it again",
                record.name);
  }
  bool is_first = status.state == ContainerState::kCreated;
  bool by_policy = request.reason == StartReason::kRestartPolicy;
  RestartState restart;
  if (by_policy) {
    TRY(restart, ReadRestartState(layout, record.id));
  }
  if (by_policy && !KeepsRestart(restart)) {
    return Fail(ErrorKind::kConflict, "the restart of '{}' was called off", record.name);
  }
  TRY(FinishRun(layout, record.id, status, lock));
  // A person who wanted it down wants it up now. Before it runs: its policy counts from then on.
  if (!is_first && !by_policy) TRY(RemoveRestartState(layout, record.id));
  auto started = mounted.mounts
                     ? StartLocked(layout, mounted.record ? *mounted.record : record, request, lock)
                     : Fail(std::move(mounted.mounts).error());
  bool never_ran = !started && WasKilledBeforeItRan(started.error());
  if (!started && !never_ran) {
    ExitRecord failure = FailedStart(started.error());
    if (!record.config.auto_remove) (void)WriteExitRecord(layout, record.id, failure, false);
    ReportFailure(layout, record, failure);
  }
  if (started || never_ran) {
    RecordMounts(layout, record);
    RecordContainerEvent(layout, record, "start");
  }
  if (by_policy) {
    // It runs, or cannot be started: no restart is pending any more.
    restart.pending.reset();
    TRY(WriteRestartState(layout, record.id, restart));
  }
  if (!started) return Fail(std::move(started).error());
  auto hooks = PoststartHooks::Prepare(layout, record, started->pid);
  return LockedStart{*std::move(started), std::move(hooks)};
}

}  // namespace

Result<StartedContainer> StartContainer(const Layout& layout, const ContainerRecord& record,
                                        const StartRequest& request) {
  if (record.config.log.driver == LogDriver::kPassthrough) TRY(CheckOwnStreams());
  TRY(ContainerStatus status, Heal(layout, record.id));
  MountedRecord mounted;
  if (!status.IsUp()) {
    TRY(FetchRemoteVolumes(layout, record.config, request.reason));
    if (MadeMounts::AreIn(record.config)) {
      mounted.record = record;
      mounted.mounts = MadeMounts::Make(layout, mounted.record->config);
    }
  }
  TRY(LockedStart start, LockAndStart(layout, record, request, std::move(mounted)));
  start.started.warnings = start.hooks.Run(layout, record);
  return std::move(start.started);
}

bool RunsAlready(const Error& error) {
  return error.kind == ErrorKind::kConflict && error.stage == kRunsAlready;
}

Result<std::string> ExplainStart(const Layout& layout, const ContainerRecord& record) {
  TRY(StartInput input, MakeInput(layout, record, {}));
  // Nothing of the container needs to exist yet.
  TRY(LayeredRoot root, OpenImageRoot(layout, record.config));
  TRY(input.process, ResolveProcess(root, record.config.process));
  TRY(SeccompProgram seccomp,
      ResolveSeccomp(record.config.seccomp, record.config.process.capabilities));
  input.seccomp = seccomp.instructions();
  TRY(input.timezone, ResolveTimezone(root, record.config));
  return DescribePlan(BuildClonePlan(record.config, {}).Serialize()) +
         DescribePlan(BuildStartPlan(input).Serialize());
}

}  // namespace hoy::core
