#include "core/engine/start_plan.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "core/engine/bind_sources.h"
#include "core/engine/joined_namespaces.h"
#include "core/engine/log_plan.h"
#include "core/engine/network_driver.h"
#include "core/engine/process_plan.h"
#include "core/engine/root_plan.h"
#include "core/state/health_state.h"
#include "core/state/oci_state.h"
#include "core/state/run_state.h"

namespace hoy::core {
namespace {

struct Translation {
  uint64_t mount_flag;
  uint64_t attribute;
};
constexpr Translation kAttributes[] = {
    {MS_RDONLY, MOUNT_ATTR_RDONLY},   {MS_NOSUID, MOUNT_ATTR_NOSUID},
    {MS_NODEV, MOUNT_ATTR_NODEV},     {MS_NOEXEC, MOUNT_ATTR_NOEXEC},
    {MS_NOATIME, MOUNT_ATTR_NOATIME}, {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME}};

uint64_t ToAttributes(uint64_t mount_flags) {
  uint64_t attributes = 0;
  for (const auto& [flag, attribute] : kAttributes) {
    if ((mount_flags & flag) != 0) attributes |= attribute;
  }
  return attributes;
}

// A bind mount in two steps: its source is opened while the host is still in reach, and attached
// once the container's root is the root.
struct PendingBind {
  uint32_t slot;
  const Mount* mount;
};

class StartPlanner {
 public:
  explicit StartPlanner(const StartInput& input)
      : input_(input), config_(input.record->config), layout_(*input.layout) {}

  PlanBuilder Build() {
    FillHeader();
    JoinCgroup();
    OpenSources();
    OpenMeeting();
    AddRoot(plan_, layout_, *input_.record);
    MakeMounts();
    MakeDevices();
    MeetHooks();
    RestrictPaths();
    AddProcessSteps();
    return std::move(plan_);
  }

 private:
  Step& Add(StepKind kind) { return plan_.Add(kind); }
  void AddPath(StepKind kind, const std::string& path, uint64_t value = 0) {
    Step step{};
    step.a = plan_.Text(path);
    step.value = value;
    Put(kind, step);
  }
  void Put(StepKind kind, Step step) {
    step.kind = kind;
    Add(kind) = step;
  }

  void FillHeader();
  void JoinCgroup();
  void OpenSources();
  void OpenSource(size_t index);
  uint32_t OpenTree(const std::string& path, bool recursive) {
    return AddOpenTree(plan_, path, recursive);
  }
  void MakeTimezoneLink(const ResolvedTimezone& timezone);
  void MakeMounts();
  void MoveJoinedTree(const Mount& mount, uint32_t slot);
  void MakeFilesystem(const Mount& mount);
  void MakeCgroupMounts(const Mount& mount);
  void AwaitCgroup();
  void MakeDevices();
  void OpenMeeting();
  void MeetHooks();
  void SetSysctls();
  void RestrictPaths();
  std::vector<PlannedHook> PlanHooks() const;
  void AddProcessSteps();

  const StartInput& input_;
  const ContainerConfig& config_;
  const Layout& layout_;
  const bool joins_pid_ = config_.namespaces.pid == NamespaceMode::kJoined;
  PlanBuilder plan_;
  std::vector<std::pair<uint32_t, std::string>> etc_files_;
  std::vector<PendingBind> binds_;
  Step meeting_{};
  bool released_ = false;
};

void StartPlanner::FillHeader() {
  const std::string& id = input_.record->id;
  std::string run = layout_.RunContainer(id);
  PlanHeader& header = plan_.header();
  header.mode = MonitorMode::kStart;
  header.terminal = config_.process.terminal ? 1 : 0;
  header.forks = joins_pid_ ? 1 : 0;
  header.meets = input_.hooks_arrival.empty() ? 0 : 1;
  header.open_stdin = config_.process.stdin_open ? 1 : 0;
  header.durable = config_.auto_remove ? 0 : 1;
  header.owner_uid = input_.process.user.uid;
  header.owner_gid = input_.process.user.gid;
  header.container_id = plan_.Text(id);
  header.boot_id = plan_.Text(input_.boot_id);
  AddFreezer(plan_, input_.cgroup);
  header.run_dir = plan_.Text(run);
  header.state_path = plan_.Text(StatePath(layout_, id));
  if (!config_.auto_remove) header.exit_path = plan_.Text(ExitPath(layout_, id));
  PutLog(layout_, *input_.record, input_.next_log_number, plan_);
  if (input_.cgroup.version != CgroupVersion::kNone) {
    header.oom_path = plan_.Text(input_.cgroup.OomFile());
  }
  if (config_.timeout_seconds > 0) AddTimeout(plan_, config_.timeout_seconds, input_.cgroup);
  if (!config_.network.ports.empty()) {
    header.forwarder_cgroup = plan_.Texts(input_.cgroup.HelperJoinFiles());
  }
  header.cleanup_argv = plan_.Texts(input_.cleanup_argv);
  if (config_.HasHealthCheck()) AddProbes(plan_, *config_.health, {}, 0, input_.probe_argv);
  if (config_.sync_interval_ns > 0) AddSyncs(plan_, config_.sync_interval_ns, input_.sync_argv);
}

// v1: the process itself goes, which is quick. v2: clone3 puts it there.
void StartPlanner::JoinCgroup() {
  if (input_.cgroup.version != CgroupVersion::kV1) return;
  Step step{};
  step.d = plan_.Texts(input_.cgroup.SelfJoinFiles());
  Put(StepKind::kJoinCgroups, step);
}

void StartPlanner::OpenSources() {
  if (config_.process.oom_score_adj) {
    Step score{};
    score.a = plan_.Text(kOomScorePath);
    score.b = plan_.Text(std::to_string(*config_.process.oom_score_adj));
    Put(StepKind::kWriteFile, score);
  }
  // Before the next step, which leaves no mount of ours in the host's peer groups: a shared volume
  // is to stay in its own.
  auto open_binds = [&](bool shared) {
    for (size_t i = 0; i < config_.mounts.size(); ++i) {
      const Mount& mount = config_.mounts[i];
      if (mount.HasSource() && ((mount.propagation & MS_SHARED) != 0) == shared) {
        OpenSource(i);
      }
    }
  };
  open_binds(true);
  Step propagation{};
  propagation.a = plan_.Text("/");
  propagation.flags = MS_SLAVE | MS_REC;
  Put(StepKind::kPropagation, propagation);
  const std::string& id = input_.record->id;
  for (const char* name : {"hostname", "hosts", "resolv.conf"}) {
    if (config_.network.no_hosts && name == std::string_view("hosts")) continue;
    etc_files_.emplace_back(OpenTree(layout_.EtcFile(id, name), false),
                            std::string("/etc/") + name);
  }
  if (input_.timezone && input_.timezone->link.empty()) {
    etc_files_.emplace_back(OpenTree(layout_.EtcFile(id, "localtime"), false), "/etc/localtime");
  }
  open_binds(false);
}

void StartPlanner::OpenSource(size_t index) {
  const Mount& mount = config_.mounts[index];
  std::string writes = mount.overlay ? OverlayDirectory(layout_, input_.record->id, index) : "";
  binds_.push_back({AddOpenSource(plan_, layout_, mount, writes), &mount});
  auto owners = input_.owners.find(index);
  if (owners != input_.owners.end()) plan_.last().c = plan_.Text(owners->second);
}

void StartPlanner::OpenMeeting() {
  if (input_.hooks_arrival.empty()) return;
  auto open = [&](const std::string& path, uint64_t flags) {
    Step step{};
    step.a = plan_.Text(path);
    step.flags = flags;
    step.slot = plan_.NextSlot();
    Put(StepKind::kOpenFile, step);
    return step.slot;
  };
  meeting_.slot = open(input_.hooks_arrival, O_WRONLY);
  meeting_.value = open(input_.hooks_leave, O_RDONLY);
}

// All mounts are there, and nothing is read-only yet. The hooks find us by the state that is on
// disk when we are released.
void StartPlanner::MeetHooks() {
  if (input_.hooks_arrival.empty()) return;
  AwaitCgroup();
  Put(StepKind::kMeet, meeting_);
}

void StartPlanner::AwaitCgroup() {
  if (std::exchange(released_, true)) return;
  Put(StepKind::kAwaitRelease, {});
  if (config_.namespaces.cgroup != NamespaceMode::kPrivate) return;
  Step unshare{};
  unshare.flags = CLONE_NEWCGROUP;
  Put(StepKind::kUnshare, unshare);
}

void StartPlanner::MakeFilesystem(const Mount& mount) {
  constexpr std::pair<MountKind, const char*> kTypes[] = {
      {MountKind::kTmpfs, "tmpfs"},   {MountKind::kProc, "proc"},     {MountKind::kSysfs, "sysfs"},
      {MountKind::kDevpts, "devpts"}, {MountKind::kMqueue, "mqueue"},
  };
  const auto* type =
      std::ranges::find(kTypes, mount.kind, &std::pair<MountKind, const char*>::first);
  Step step{};
  step.a = plan_.Text(type->second);
  step.b = plan_.Text(mount.source.empty() ? type->second : mount.source);
  step.c = plan_.Text(mount.target);
  if (!mount.data.empty()) step.d = plan_.Text(mount.data);
  step.flags = mount.flags;
  step.slot = mount.from_user ? 0 : 1;  // 1: an image must not redirect /proc by a symlink
  Put(StepKind::kMount, step);
}

// v2: one mount. v1: a tmpfs with a directory for each hierarchy, as every host shows them.
void StartPlanner::MakeCgroupMounts(const Mount& mount) {
  AwaitCgroup();
  if (input_.cgroup.version == CgroupVersion::kNone) return;
  auto add = [&](const char* type, const std::string& target, const std::string& data,
                 uint64_t flags) {
    Step step{};
    step.a = plan_.Text(type);
    step.b = plan_.Text(type);
    step.c = plan_.Text(target);
    if (!data.empty()) step.d = plan_.Text(data);
    step.flags = flags;
    step.slot = target == mount.target ? 1 : 0;  // below it nothing comes from the image
    Put(StepKind::kMount, step);
  };
  if (input_.cgroup.version == CgroupVersion::kV2) {
    add("cgroup2", mount.target, "", mount.flags);
    return;
  }
  add("tmpfs", mount.target, "mode=755", mount.flags & ~static_cast<uint64_t>(MS_RDONLY));
  auto add_hierarchy = [&](const std::string& controllers) {
    if (controllers.empty()) return;
    std::string name = controllers.starts_with("name=") ? controllers.substr(5) : controllers;
    std::string data = controllers.starts_with("name=") ? "none," + controllers : controllers;
    AddPath(StepKind::kMakeDirectories, mount.target + "/" + name, 0755);  // on a fresh tmpfs
    add("cgroup", mount.target + "/" + name, data, mount.flags);
  };
  for (const auto& [controllers, directory] : input_.cgroup.directories) add_hierarchy(controllers);
  // A JVM believes in no limit at all where it does not see this one, too.
  if (input_.cgroup.Directory("cpuset").empty()) add_hierarchy(input_.cpuset_hierarchy);
  if ((mount.flags & MS_RDONLY) == 0) return;
  Step step{};
  step.a = plan_.Text(mount.target);
  step.flags = mount.flags | MS_BIND;
  Put(StepKind::kRemount, step);
}

void StartPlanner::MakeTimezoneLink(const ResolvedTimezone& timezone) {
  constexpr const char* kLocaltime = "/etc/localtime";
  if (timezone.replaces) AddPath(StepKind::kRemoveFile, kLocaltime);
  if (timezone.link.empty()) return;
  AddPath(StepKind::kMakeDirectories, "/etc", 0755);
  Step step{};
  step.a = plan_.Text(timezone.link);
  step.b = plan_.Text(kLocaltime);
  Put(StepKind::kSymlink, step);
}

void StartPlanner::MoveJoinedTree(const Mount& mount, uint32_t slot) {
  Step step{};
  step.slot = slot;
  step.c = plan_.Text(mount.target);
  step.flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  step.value = MS_PRIVATE;
  Put(StepKind::kMoveTree, step);
}

void StartPlanner::MakeMounts() {
  for (const Mount& mount : config_.mounts) {
    if (mount.from_user || mount.HasSource()) continue;
    if (mount.kind == MountKind::kCgroup) {
      MakeCgroupMounts(mount);
    } else if (mount.kind == MountKind::kJoinedShm) {
      MoveJoinedTree(mount, kJoinedShmSlot);
    } else if (mount.kind == MountKind::kProc && joins_pid_) {
      MoveJoinedTree(mount, kJoinedProcSlot);
    } else {
      MakeFilesystem(mount);
    }
  }
  if (input_.timezone) MakeTimezoneLink(*input_.timezone);
  for (const auto& [slot, target] : etc_files_) {
    Step step{};
    step.slot = slot;
    step.c = plan_.Text(target);
    step.flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if (config_.readonly_rootfs) step.flags |= MOUNT_ATTR_RDONLY;
    step.value = MS_PRIVATE | MS_REC;
    Put(StepKind::kMoveTree, step);
  }
  AddPath(StepKind::kTouch, "/run/.containerenv", 0644);
  // Nested targets need their parents first, whatever order they were given in.
  std::vector<const Mount*> ordered;
  for (const Mount& mount : config_.mounts) {
    if (mount.from_user || mount.HasSource()) ordered.push_back(&mount);
  }
  std::ranges::stable_sort(
      ordered, {}, [](const Mount* mount) { return std::ranges::count(mount->target, '/'); });
  for (const Mount* mount : ordered) {
    if (!mount->HasSource()) {
      MakeFilesystem(*mount);
      continue;
    }
    auto bind = std::ranges::find(binds_, mount, &PendingBind::mount);
    Step step{};
    step.slot = bind->slot;
    step.c = plan_.Text(mount->target);
    uint64_t attributes = ToAttributes(mount->flags);
    step.extra = mount->recursive_readonly ? 0 : attributes & MOUNT_ATTR_RDONLY;
    step.flags = attributes & ~step.extra;
    step.value = mount->propagation != 0 ? mount->propagation : uint64_t{MS_PRIVATE | MS_REC};
    Put(StepKind::kMoveTree, step);
  }
}

void StartPlanner::MakeDevices() {
  for (const Device& device : config_.devices) {
    Step step{};
    step.a = plan_.Text(device.path);
    step.value = device.mode | (device.type == 'b' ? S_IFBLK : S_IFCHR);
    step.extra = makedev(device.major, device.minor);
    step.uid = device.uid;
    step.gid = device.gid;
    Put(StepKind::kMakeNode, step);
  }
  constexpr std::pair<const char*, const char*> kLinks[] = {
      {"pts/ptmx", "/dev/ptmx"},          {"/proc/self/fd", "/dev/fd"},
      {"/proc/self/fd/0", "/dev/stdin"},  {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"}, {"/proc/kcore", "/dev/core"}};
  for (const auto& [content, path] : kLinks) {
    Step step{};
    step.a = plan_.Text(content);
    step.b = plan_.Text(path);
    Put(StepKind::kSymlink, step);
  }
}

void StartPlanner::SetSysctls() {
  auto set = [&](std::string_view name, std::string_view value) {
    std::string path = "/proc/sys/" + std::string(name);
    std::ranges::replace(path, '.', '/');
    Step step{};
    step.a = plan_.Text(path);
    step.b = plan_.Text(value);
    Put(StepKind::kWriteFile, step);
  };
  // As docker: in a network of its own any user has any port, and may ping.
  constexpr std::pair<std::string_view, std::string_view> kOfOwnNetwork[] = {
      {"net.ipv4.ip_unprivileged_port_start", "0"}, {"net.ipv4.ping_group_range", "0 2147483647"}};
  bool has_own = config_.namespaces.net == NamespaceMode::kPrivate;
  for (const auto& [name, value] : kOfOwnNetwork) {
    if (has_own) set(name, value);
  }
  for (const auto& [name, value] : config_.sysctls) set(name, value);
}

void StartPlanner::RestrictPaths() {
  SetSysctls();
  for (const std::string& path : config_.readonly_paths) AddPath(StepKind::kReadOnlyPath, path);
  for (const std::string& path : config_.masked_paths) AddPath(StepKind::kMask, path);
  if (!config_.hostname.empty() && config_.namespaces.uts == NamespaceMode::kPrivate) {
    AddPath(StepKind::kHostname, config_.hostname);
  }
  if (!config_.domainname.empty()) AddPath(StepKind::kDomainname, config_.domainname);
  AddPath(StepKind::kMakeDirectories, config_.process.cwd, 0755);
  if (config_.readonly_rootfs) {
    Step step{};
    step.a = plan_.Text("/");
    step.flags = MS_BIND | MS_RDONLY;
    Put(StepKind::kRemount, step);
  }
  AwaitCgroup();
}

std::vector<PlannedHook> StartPlanner::PlanHooks() const {
  std::vector<PlannedHook> planned;
  for (const Hook& hook : config_.hooks) {
    if (hook.point != HookPoint::kStartContainer) continue;
    planned.push_back({&hook, EncodeOciStateAround(layout_, *input_.record, "created")});
  }
  return planned;
}

void StartPlanner::AddProcessSteps() {
  if (config_.process.terminal) {
    AddTerminal(plan_, input_.process.user.uid, input_.rows, input_.columns);
    plan_.last().slot = joins_pid_ ? 1 : 0;
    Put(StepKind::kConsole, {});
  }
  AddProcess(plan_, config_.process, input_.process, input_.seccomp,
             {.reaper = config_.init,
              .passes_fds = input_.passes_fds,
              .passes_streams = config_.log.driver == LogDriver::kPassthrough,
              .forks = joins_pid_,
              .awaits_release = joins_pid_,
              .hooks = PlanHooks()});
}

}  // namespace

uint64_t NamespaceFlags(const NamespaceModes& modes) {
  uint64_t flags = CLONE_NEWNS;
  if (modes.pid == NamespaceMode::kPrivate) flags |= CLONE_NEWPID;
  if (modes.ipc == NamespaceMode::kPrivate) flags |= CLONE_NEWIPC;
  if (modes.uts == NamespaceMode::kPrivate) flags |= CLONE_NEWUTS;
  if (modes.net == NamespaceMode::kPrivate) flags |= CLONE_NEWNET;
  if (modes.cgroup == NamespaceMode::kPrivate) flags |= CLONE_NEWCGROUP;
  return flags;
}

PlanBuilder BuildClonePlan(const ContainerConfig& config, const CgroupLocation& cgroup) {
  PlanBuilder plan;
  PlanHeader& header = plan.header();
  header.mode = MonitorMode::kClone;
  // The cgroup namespace is unshared later, when the process is in its cgroup.
  header.keep_streams =
      config.log.driver == LogDriver::kPassthrough && config.restart.mode != RestartMode::kNo;
  header.clone_flags = NamespaceFlags(config.namespaces) & ~static_cast<uint64_t>(CLONE_NEWCGROUP);
  if (cgroup.version == CgroupVersion::kV2) {
    header.cgroup_procs = plan.Texts(cgroup.ProcsFiles());
    header.cgroup_dir = plan.Text(cgroup.directories.front().second);
  }
  plan.Add(StepKind::kNewSession);
  if (HasNetwork(config)) header.clone_flags &= ~static_cast<uint64_t>(CLONE_NEWNET);
  AddJoins(plan, config);
  if (config.namespaces.net == NamespaceMode::kPrivate) plan.Add(StepKind::kLoopbackUp);
  return plan;
}

void AddFreezer(PlanBuilder& plan, const CgroupLocation& cgroup) {
  constexpr size_t kMost = 512;  // the monitor has one short line for it all, and escapes nothing
  std::string file = cgroup.FreezerFile();
  bool is_plain = file.size() <= kMost && std::ranges::all_of(file, [](char c) {
                    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
                  });
  if (is_plain) plan.header().freezer = plan.Text('"' + file + '"');
}

void AddTimeout(PlanBuilder& plan, int64_t seconds, const CgroupLocation& cgroup) {
  plan.header().timeout_seconds = static_cast<uint32_t>(seconds);
  std::string thaw = cgroup.ThawFile();
  if (!thaw.empty()) plan.header().thaw_path = plan.Text(thaw);
}

void AddProbes(PlanBuilder& plan, const HealthCheck& check, const HealthState& known, Timestamp now,
               const std::vector<std::string>& argv) {
  PlanHeader& header = plan.header();
  header.probe_first_ns = NextProbeIn(check, known, now);
  header.probe_period_ns = check.Interval();
  header.probe_argv = plan.Texts(argv);
}

void AddSyncs(PlanBuilder& plan, int64_t interval_ns, const std::vector<std::string>& argv) {
  plan.header().sync_period_ns = interval_ns;
  plan.header().sync_argv = plan.Texts(argv);
}

PlanBuilder BuildStartPlan(const StartInput& input) {
  return StartPlanner(input).Build();
}

}  // namespace hoy::core
