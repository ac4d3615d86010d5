#include "cli/ops/inspect.h"

#include "cli/ops/container_status.h"
#include "cli/ops/environment.h"
#include "cli/ops/health_options.h"
#include "cli/ops/inspect_host_config.h"
#include "cli/ops/inspect_json.h"
#include "cli/ops/inspect_mounts.h"
#include "cli/ops/network_json.h"
#include "core/base/text.h"
#include "core/engine/exec_sessions.h"
#include "core/engine/health.h"
#include "core/rootfs/mount_source.h"
#include "core/state/resource_report.h"
#include "core/sys/signals.h"

namespace hoy::cli {
namespace {

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
  // Beyond docker's: what the ExitRecord knows of a run that has ended.
  const core::ExitRecord last = exit && (restarting || status.state == ContainerState::kExited)
                                    ? *exit
                                    : core::ExitRecord{.known = false};
  state["ExitKnown"] = last.known;
  state["Signal"] = last.signal == 0 ? "" : core::SignalName(last.signal);
  state["CoreDumped"] = last.core_dumped;
  state["TimedOut"] = last.timed_out;
  state["UserCpuMicroseconds"] = last.user_cpu_us;
  state["SystemCpuMicroseconds"] = last.system_cpu_us;
  state["MaxRssKiB"] = last.max_rss_kib;
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
               {"Env", GivenEnvironment(config)},
               {"Cmd", config.command},
               {"Image", config.image.reference},
               {"ExposedPorts", EmptyObjects(config.exposed_ports)},
               {"Volumes", EmptyObjects(config.image.volumes)},
               {"WorkingDir", config.process.cwd},
               {"Entrypoint", OrNull(config.entrypoint)},
               {"Labels", ObjectOf(config.labels)},
               {"StopSignal", core::SignalName(config.stop_signal)},
               {"Timezone", config.timezone},
               {"StopTimeout", config.stop_timeout_seconds}};
  const auto& networks = config.network.attachments;
  json["MacAddress"] = networks.empty() ? "" : networks.front().mac;
  json["NetworkDisabled"] = false;
  json["OnBuild"] = nullptr;
  json["Shell"] = nullptr;
  json["SyncInterval"] = config.sync_interval_ns;
  json["Healthcheck"] = config.health ? HealthcheckJson(*config.health) : Json();
  json["HealthcheckOnFailureAction"] =
      config.health ? core::ToString(config.health->on_failure) : std::string_view();
  return json;
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

// Nothing is mounted on the host: the merged directory is to be had from the container itself, as
// long as it runs.
Json GraphDriverOf(const core::Layout& layout, const core::ContainerRecord& record, pid_t pid) {
  const core::ContainerConfig& config = record.config;
  std::string merged = pid > 0 ? fmt::format("/proc/{}/root", pid) : "";
  if (!config.HasUpper()) return {{"Name", "rootfs"}, {"Data", {{"MergedDir", merged}}}};
  std::string directory = layout.Container(record.id);
  std::vector<std::string> lowers = core::LayerDirectories(layout, config.image.chain_ids);
  if (!config.rootfs.path.empty()) lowers = {config.rootfs.path};
  return {{"Name", "overlay"},
          {"Data",
           {{"LowerDir", Join(lowers, ":")},
            {"MergedDir", merged},
            {"UpperDir", directory + "/upper"},
            {"WorkDir", directory + "/work"}}}};
}

}  // namespace

Json InspectContainer(const core::Layout& layout, const core::ContainerRecord& record,
                      const core::ContainerStatus& status) {
  const core::ContainerConfig& config = record.config;
  const auto& args = config.process.args;
  pid_t pid = status.IsUp() && status.run ? status.run->init.pid : 0;
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
      {"Name", "/" + record.name},  // docker's slash
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
      {"GraphDriver", GraphDriverOf(layout, record, pid)},
      {"Mounts", MountsOf(layout, config)},
      {"Config", ConfigOf(record)},
      {"NetworkSettings", NetworkSettingsOf(layout, record, pid)},
      {"SizeRw", nullptr},  // --size
      {"SizeRootFs", nullptr}};
  return object;
}

}  // namespace hoy::cli
