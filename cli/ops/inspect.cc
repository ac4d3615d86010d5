#include "cli/ops/inspect.h"

#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "cli/ops/container_status.h"
#include "cli/ops/health_options.h"
#include "cli/ops/namespace_options.h"
#include "cli/ops/network_json.h"
#include "cli/ops/network_options.h"
#include "cli/ops/port_json.h"
#include "core/base/text.h"
#include "core/engine/exec_sessions.h"
#include "core/engine/health.h"
#include "core/rootfs/default_mounts.h"
#include "core/seccomp/capabilities.h"
#include "core/state/resource_report.h"
#include "core/state/volume.h"
#include "core/sys/signals.h"
#include "oci/image/reference.h"

namespace hoy::cli {
namespace {

Json FromPairs(const core::StringPairs& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) object[key] = value;
  return object;
}

template <typename Map>
Json FromMap(const Map& map) {
  Json object = Json::object();
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

Json EmptyObjects(const std::vector<std::string>& keys) {
  Json object = Json::object();
  for (const std::string& key : keys) object[key] = Json::object();
  return object;
}

Json StateOf(const core::ContainerStatus& status, uint64_t log_lost) {
  using core::ContainerState;
  bool up = status.IsUp();
  bool restarting = status.state == ContainerState::kRestarting;
  const auto& exit = status.exit;
  core::Timestamp started = up ? status.run->started_at : exit ? exit->started_at : 0;
  Json state = {{"Status", core::ToString(status.state)},
                {"Running", up || restarting},  // docker counts the back-off as running
                {"Paused", status.state == ContainerState::kPaused},
                {"Restarting", restarting},
                {"OOMKilled", exit && exit->oom_killed},
                {"Dead", false},
                {"Pid", up ? status.run->init.pid : 0},
                {"ExitCode", exit && !up ? exit->exit_code : 0},
                {"Error", exit && !up ? exit->error : ""},
                {"StartedAt", core::FormatRfc3339(started)},
                {"FinishedAt", core::FormatRfc3339(exit && !up ? exit->finished_at : 0)}};
  state["LogLostBytes"] = log_lost;  // beyond docker's: what the log does not have
  if (exit && (restarting || status.state == ContainerState::kExited)) {
    // Beyond docker's: what the ExitRecord knows.
    state["ExitKnown"] = exit->known;
    state["Signal"] = exit->signal == 0 ? "" : core::SignalName(exit->signal);
    state["CoreDumped"] = exit->core_dumped;
    state["TimedOut"] = exit->timed_out;
    state["UserCpuMicroseconds"] = exit->user_cpu_us;
    state["SystemCpuMicroseconds"] = exit->system_cpu_us;
    state["MaxRssKiB"] = exit->max_rss_kib;
  }
  return state;
}

// The exit report of the last run, when that has ended and one was kept.
void AddResources(const core::Layout& layout, std::string_view id,
                  const core::ContainerStatus& status, Json& state) {
  state["Resources"] = nullptr;
  if (!status.exit) return;
  auto report = core::ReadResourceReport(layout, id);
  if (!report || !*report || (*report)->started_at != status.exit->started_at) return;
  state["Resources"] = Json::parse(core::EncodeResourceReport(**report));
}

// null without a health check, so that a template may ask whether there is one.
void AddHealth(const core::Layout& layout, const core::ContainerRecord& record,
               const core::ContainerStatus& status, Json& state) {
  state["Health"] = nullptr;
  auto health = core::ObserveHealth(layout, record.Summary(), status);
  if (!health) return;
  Json log = Json::array();
  for (const core::HealthResult& result : health->log) {
    log.push_back({{"Start", core::FormatRfc3339(result.start)},
                   {"End", core::FormatRfc3339(result.end)},
                   {"ExitCode", result.exit_code},
                   {"Output", result.output}});
  }
  state["Health"] = {{"Status", core::ToString(health->status)},
                     {"FailingStreak", health->failing_streak},
                     {"Log", std::move(log)}};
}

Json ConfigOf(const core::ContainerRecord& record) {
  const core::ContainerConfig& config = record.config;
  Json json = {{"Hostname", config.hostname},
               {"Domainname", config.domainname},
               {"User", config.process.user},
               {"AttachStdin", config.attached.in},
               {"AttachStdout", config.attached.out},
               {"AttachStderr", config.attached.err},
               {"Tty", config.process.terminal},
               {"OpenStdin", config.process.stdin_open},
               {"StdinOnce", config.process.stdin_open && config.attached.in},
               {"Env", config.process.env},
               {"Cmd", config.command},
               {"Image", config.image.reference},
               {"ExposedPorts", EmptyObjects(config.exposed_ports)},
               {"Volumes", EmptyObjects(config.image.volumes)},
               {"WorkingDir", config.process.cwd},
               {"Entrypoint", config.entrypoint.empty() ? Json() : Json(config.entrypoint)},
               {"Labels", FromPairs(config.labels)},
               {"StopSignal", core::SignalName(config.stop_signal)},
               {"Timezone", config.timezone},
               {"StopTimeout", config.stop_timeout_seconds}};
  if (config.sync_interval_ns > 0) json["SyncInterval"] = config.sync_interval_ns;
  if (config.health) {
    json["Healthcheck"] = HealthcheckJson(*config.health);
    json["HealthcheckOnFailureAction"] = core::ToString(config.health->on_failure);
  }
  return json;
}

constexpr std::array<std::string_view, RLIM_NLIMITS> kLimitNames = {
    "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
    "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};

Json UlimitsOf(const std::vector<core::Rlimit>& limits) {
  Json list = Json::array();
  for (const core::Rlimit& limit : limits) {
    auto number = static_cast<size_t>(limit.resource);
    auto value = [](uint64_t n) { return n == UINT64_MAX ? int64_t{-1} : static_cast<int64_t>(n); };
    list.push_back({{"Name", number < kLimitNames.size() ? kLimitNames[number] : "unknown"},
                    {"Soft", value(limit.soft)},
                    {"Hard", value(limit.hard)}});
  }
  return list;
}

Json DevicesOf(const core::ContainerConfig& config) {
  Json list = Json::array();
  const std::vector<core::Device> everybodys = core::DefaultDevices();
  for (const core::Device& device : config.devices) {
    if (std::ranges::find(everybodys, device) != everybodys.end()) continue;
    list.push_back({{"PathOnHost", device.host_path}, {"PathInContainer", device.path}});
  }
  return list;
}

Json BindsOf(const core::ContainerConfig& config) {
  Json list = Json::array();
  for (const core::Mount& mount : config.mounts) {
    if (!mount.from_user || (mount.kind != core::MountKind::kBind && !mount.volume)) continue;
    if (mount.image || (mount.volume && mount.volume->anonymous)) continue;
    bool read_only = (mount.flags & MS_RDONLY) != 0;
    list.push_back((mount.volume ? mount.volume->name : mount.source) + ":" + mount.target +
                   (read_only ? ":ro" : ":rw"));
  }
  return list;
}

// As --storage-opt says it.
Json StorageOf(const core::ContainerConfig& config) {
  if (config.storage_size == 0) return nullptr;
  return {{"size", std::to_string(config.storage_size)}};
}

// A file system in memory of the user's, by its target.
Json TmpfsOf(const core::ContainerConfig& config) {
  Json all = Json::object();
  for (const core::Mount& mount : config.mounts) {
    if (!mount.from_user || mount.kind != core::MountKind::kTmpfs) continue;
    std::string options = (mount.flags & MS_RDONLY) != 0 ? "ro" : "";
    if (!mount.data.empty()) options += (options.empty() ? "" : ",") + mount.data;
    all[mount.target] = options;
  }
  return all;
}

Json ThrottlesOf(const core::ResourceLimits& limits, std::string_view kind) {
  Json all = Json::array();
  for (const core::DeviceThrottle& throttle : limits.throttles) {
    if (throttle.kind == kind) all.push_back({{"Path", throttle.path}, {"Rate", throttle.rate}});
  }
  return all;
}

Json LogConfigOf(const core::LogConfig& log) {
  return {{"Type", core::ToString(log.driver)}, {"Config", FromPairs(log.options)}};
}

Json HostConfigOf(const core::ContainerConfig& config) {
  const core::ResourceLimits& limits = config.limits;
  Json seccomp = Json::array();
  if (config.seccomp.mode == core::SeccompMode::kUnconfined)
    seccomp.push_back("seccomp=unconfined");
  if (config.seccomp.mode == core::SeccompMode::kProfile) {
    seccomp.push_back("seccomp=" + config.seccomp.profile);
  }
  if (config.process.no_new_privileges) seccomp.push_back("no-new-privileges");
  return {
      {"Binds", BindsOf(config)},
      {"ContainerIDFile", config.cid_file},
      {"NetworkMode", NetworkModeName(config)},
      {"Dns", config.network.dns},
      {"DnsSearch", config.network.dns_search},
      {"DnsOptions", config.network.dns_options},
      {"ExtraHosts", config.network.extra_hosts},
      {"PortBindings", PortBindingsOf(config.network)},
      {"PublishAllPorts", config.network.publish_all},
      {"AutoRemove", config.auto_remove},
      {"LogConfig", LogConfigOf(config.log)},
      {"RestartPolicy",
       {{"Name", core::ToString(config.restart.mode)},
        {"MaximumRetryCount", config.restart.max_retries}}},
      {"CapAdd", config.cap_add.empty() ? Json() : Json(config.cap_add)},
      {"CapDrop", config.cap_drop.empty() ? Json() : Json(config.cap_drop)},
      {"CapBounding", core::CapabilityNames({config.process.capabilities.bounding})},
      {"CgroupnsMode", config.namespaces.cgroup == core::NamespaceMode::kHost ? "host" : "private"},
      {"IpcMode", IpcModeName(config.namespaces)},
      {"PidMode", PidModeName(config.namespaces)},
      {"UTSMode", UtsModeName(config.namespaces)},
      {"OomScoreAdj", config.process.oom_score_adj.value_or(0)},
      {"Privileged", config.privileged},
      {"ReadonlyRootfs", config.readonly_rootfs},
      {"SecurityOpt", seccomp},
      {"Init", config.init},
      {"ShmSize", config.shm_size},
      {"StorageOpt", StorageOf(config)},
      {"Sysctls", FromPairs(config.sysctls)},
      {"GroupAdd", config.process.additional_groups},
      {"CgroupParent", config.cgroup_parent},
      {"Devices", DevicesOf(config)},
      {"Ulimits", UlimitsOf(config.process.rlimits)},
      {"Tmpfs", TmpfsOf(config)},
      {"Annotations", FromPairs(config.annotations)},
      {"UsernsMode", ""},
      {"OomKillDisable", false},
      {"Runtime", "hoy"},
      {"Isolation", ""},
      {"VolumeDriver", ""},
      {"VolumesFrom", nullptr},  // what came from others is among the mounts
      {"Links", nullptr},
      {"BlkioWeightDevice", Json::array()},
      {"CpuRealtimePeriod", 0},
      {"CpuRealtimeRuntime", 0},
      {"MemorySwappiness", limits.memory_swappiness ? Json(*limits.memory_swappiness) : Json()},
      {"Memory", limits.memory_bytes.value_or(0)},
      {"MemorySwap", limits.memory_swap_bytes.value_or(0)},
      {"MemoryReservation", limits.memory_reservation_bytes.value_or(0)},
      {"NanoCpus", limits.nano_cpus.value_or(0)},
      {"CpuShares", limits.cpu_shares.value_or(0)},
      {"CpuPeriod", limits.cpu_period_us.value_or(0)},
      {"CpuQuota", limits.cpu_quota_us.value_or(0)},
      {"CpusetCpus", limits.cpuset_cpus},
      {"CpusetMems", limits.cpuset_mems},
      {"BlkioWeight", limits.blkio_weight.value_or(0)},
      {"BlkioDeviceReadBps", ThrottlesOf(limits, "read_bps")},
      {"BlkioDeviceWriteBps", ThrottlesOf(limits, "write_bps")},
      {"BlkioDeviceReadIOps", ThrottlesOf(limits, "read_iops")},
      {"BlkioDeviceWriteIOps", ThrottlesOf(limits, "write_iops")},
      {"PidsLimit", limits.pids_limit ? Json(*limits.pids_limit) : Json()},
      {"MaskedPaths", config.masked_paths},
      {"ReadonlyPaths", config.readonly_paths}};
}

Json ExecIdsOf(const std::vector<core::ExecSession>& sessions) {
  Json ids;
  for (const core::ExecSession& session : sessions) ids.push_back(session.id);
  return ids;  // null when there is none, as docker has it
}

// Beyond docker's, which wants a request for each: the fields of its /exec/<id>/json.
Json ExecSessionsOf(const std::vector<core::ExecSession>& sessions) {
  Json list = Json::array();
  for (const core::ExecSession& session : sessions) {
    const std::vector<std::string>& command = session.command;
    bool empty = command.empty();
    list.push_back({{"ID", session.id},
                    {"Pid", session.process.pid},
                    {"StartedAt", core::FormatRfc3339(session.started_at)},
                    {"OpenStdin", session.stdin_open},
                    {"ProcessConfig",
                     {{"entrypoint", empty ? "" : command.front()},
                      {"arguments",
                       std::vector<std::string>(command.begin() + (empty ? 0 : 1), command.end())},
                      {"tty", session.terminal},
                      {"privileged", session.privileged},
                      {"user", session.user}}}});
  }
  return list;
}

std::string_view TypeOf(const core::Mount& mount) {
  if (mount.image) return "image";
  if (mount.kind == core::MountKind::kDevpts) return "devpts";
  return mount.kind == core::MountKind::kBind ? "bind" : "tmpfs";
}

std::string_view PropagationOf(const core::Mount& mount) {
  if ((mount.propagation & MS_SHARED) != 0) return "rshared";
  return (mount.propagation & MS_SLAVE) != 0 ? "rslave" : "rprivate";
}

Json MountsOf(const core::Layout& layout, const core::ContainerConfig& config) {
  Json list = Json::array();
  for (const core::Mount& mount : config.mounts) {
    if (!mount.from_user) continue;
    bool writable = (mount.flags & MS_RDONLY) == 0;
    if (mount.volume) {
      list.push_back({{"Type", "volume"},
                      {"Name", mount.volume->name},
                      {"Source", core::VolumeData(layout, mount.volume->name)},
                      {"Destination", mount.target},
                      {"Driver", "local"},
                      {"Mode", writable ? "" : "ro"},
                      {"RW", writable},
                      {"Propagation", ""}});
      continue;
    }
    bool bind = mount.kind == core::MountKind::kBind;
    list.push_back({{"Type", TypeOf(mount)},
                    {"Source", mount.image ? mount.image->reference
                               : bind      ? mount.source
                                           : ""},
                    {"Destination", mount.target},
                    {"Mode", mount.data},
                    {"RW", writable},
                    {"Propagation", PropagationOf(mount)}});
  }
  return list;
}

Json HistoryOf(const oci::ImageConfig& config) {
  Json list = Json::array();
  for (const oci::HistoryEntry& step : config.history) {
    list.push_back({{"created", core::FormatRfc3339(step.created)},
                    {"created_by", step.created_by},
                    {"author", step.author},
                    {"comment", step.comment},
                    {"empty_layer", step.empty_layer}});
  }
  return list;
}

Json GraphDriverOf(const core::ContainerConfig& config, const std::string& directory) {
  if (!config.HasUpper()) return {{"Name", "rootfs"}, {"Data", Json::object()}};
  Json data = {{"UpperDir", directory + "/upper"}, {"WorkDir", directory + "/work"}};
  if (!config.rootfs.path.empty()) data["LowerDir"] = config.rootfs.path;
  return {{"Name", "overlay"}, {"Data", std::move(data)}};
}

}  // namespace

Json InspectContainer(const core::Layout& layout, const core::ContainerRecord& record,
                      const core::ContainerStatus& status) {
  const core::ContainerConfig& config = record.config;
  const auto& args = config.process.args;
  std::string directory = layout.Container(record.id);
  std::vector<core::ExecSession> execs;
  if (auto listed = core::ListExecSessions(layout, record.id)) execs = *std::move(listed);
  uint64_t log_lost = status.exit ? static_cast<uint64_t>(status.exit->log_lost)
                                  : core::ReadLogLoss(layout, record.id).bytes;
  Json state = StateOf(status, log_lost);
  AddHealth(layout, record, status, state);
  AddResources(layout, record.id, status, state);
  Json object = {
      {"Id", record.id},
      {"Created", core::FormatRfc3339(record.created)},
      {"Path", args.empty() ? "" : args[0]},
      {"Args", args.empty() ? args : std::vector<std::string>(args.begin() + 1, args.end())},
      {"State", std::move(state)},
      {"Image", config.image.id.empty() ? "" : "sha256:" + config.image.id},
      {"Rootfs", config.rootfs.path},
      {"ImageName", config.image.name},
      {"ImageDigest", config.image.digest},
      {"ResolvConfPath", layout.EtcFile(record.id, "resolv.conf")},
      {"HostnamePath", layout.EtcFile(record.id, "hostname")},
      {"HostsPath", layout.EtcFile(record.id, "hosts")},
      {"LogPath", config.log.HasFile() ? layout.Log(record.id) : ""},
      {"Name", record.name},
      {"RestartCount",
       core::ReadRestartState(layout, record.id).value_or(core::RestartState{}).count},
      {"Driver", config.HasUpper() ? "overlay" : "rootfs"},
      {"Platform", "linux"},
      {"AppArmorProfile", ""},
      {"ProcessLabel", ""},
      {"MountLabel", ""},
      {"ExecIDs", ExecIdsOf(execs)},
      {"ExecSessions", ExecSessionsOf(execs)},
      {"HostConfig", HostConfigOf(config)},
      {"GraphDriver", GraphDriverOf(config, directory)},
      {"Mounts", MountsOf(layout, config)},
      {"Config", ConfigOf(record)},
      {"NetworkSettings",
       NetworkSettingsOf(layout, record, status.IsUp() && status.run ? status.run->init.pid : 0)}};
  return object;
}

Json InspectImage(const oci::ListedImage& image, const oci::ImageConfig& config) {
  const oci::ImageRecord& record = image.record;
  Json tags = Json::array();
  for (const std::string& name : image.names) {
    auto reference = oci::Reference::Parse(name);
    if (reference && !reference->tag().empty()) tags.push_back(reference->Familiar());
  }
  Json layers = Json::array();
  for (const oci::Digest& diff_id : record.diff_ids) layers.push_back(diff_id.ToString());
  Json digests = Json::array();
  for (const std::string& name : record.repo_digests) {
    auto reference = oci::Reference::Parse(name);
    digests.push_back(reference ? reference->Familiar() : name);
  }
  const oci::ImageRunConfig& run = config.config;
  std::string comment = config.history.empty() ? "" : config.history.back().comment;
  return {{"Id", record.id.ToString()},
          {"RepoTags", tags},
          {"RepoDigests", digests},
          {"Digest", record.manifest.ToString()},
          {"Parent", ""},
          {"Comment", comment},
          {"Created", core::FormatRfc3339(record.created)},
          {"Author", config.author},
          {"Architecture", record.platform.architecture},
          {"Variant", record.platform.variant},
          {"Os", record.platform.os},
          {"Size", record.size},
          {"VirtualSize", record.size},
          {"Labels", FromMap(run.labels)},
          {"History", HistoryOf(config)},
          {"RootFS", {{"Type", "layers"}, {"Layers", layers}}},
          {"Config",
           {{"User", run.user},
            {"ExposedPorts", EmptyObjects(run.exposed_ports)},
            {"Env", run.env},
            {"Entrypoint", run.entrypoint.empty() ? Json() : Json(run.entrypoint)},
            {"Cmd", run.cmd.empty() ? Json() : Json(run.cmd)},
            {"Volumes", EmptyObjects(run.volumes)},
            {"WorkingDir", run.working_dir},
            {"Labels", FromMap(run.labels)},
            {"StopSignal", run.stop_signal},
            {"Shell", run.shell.empty() ? Json() : Json(run.shell)},
            {"OnBuild", run.on_build.empty() ? Json() : Json(run.on_build)},
            {"Healthcheck", run.healthcheck.empty() ? Json() : Json::parse(run.healthcheck)}}}};
}

}  // namespace hoy::cli
