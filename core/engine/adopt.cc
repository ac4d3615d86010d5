#include "core/engine/adopt.h"

#include <algorithm>

#include "core/engine/log_plan.h"
#include "core/engine/network_driver.h"
#include "core/engine/program_path.h"
#include "core/engine/run_directory.h"
#include "core/engine/spawn_monitor.h"
#include "core/engine/start_failure.h"
#include "core/engine/start_plan.h"
#include "core/init/plan_builder.h"
#include "core/state/container_id.h"
#include "core/state/container_record.h"

namespace hoy::core {

namespace {

std::vector<std::string> HiddenCommand(const Layout& layout, std::string_view verb,
                                       std::string_view id) {
  return {OwnProgram(), "--root",          layout.data,    "--run-root",
          layout.run,   std::string(verb), std::string(id)};
}

}  // namespace

std::vector<std::string> CleanUpCommand(const Layout& layout, std::string_view id) {
  return HiddenCommand(layout, "__cleanup", id);
}

std::vector<std::string> ExecEndedCommand(const Layout& layout, std::string_view id,
                                          std::string_view session) {
  std::vector<std::string> command = HiddenCommand(layout, "__exec-ended", id);
  command.emplace_back(session);
  return command;
}

std::vector<std::string> ProbeCommand(const Layout& layout, std::string_view id) {
  return HiddenCommand(layout, "__probe", id);
}

std::vector<std::string> SyncVolumesCommand(const Layout& layout, std::string_view id) {
  return HiddenCommand(layout, "__sync-volumes", id);
}

Result<> Adopt(const Layout& layout, std::string_view id, const RunState& run,
               const ContainerLock& lock) {
  TRY(ContainerRecord record, ReadContainer(layout, id));
  std::string directory = layout.RunContainer(id);
  PlanBuilder plan;
  PlanHeader& header = plan.header();
  header.mode = MonitorMode::kAdopt;
  header.terminal = record.config.process.terminal ? 1 : 0;
  header.durable = record.config.auto_remove ? 0 : 1;
  header.adopted_pid = static_cast<uint32_t>(run.init.pid);
  header.adopted_start_time = run.init.start_time;
  header.adopted_started_at = run.started_at;
  header.container_id = plan.Text(id);
  header.boot_id = plan.Text(run.init.boot_id);
  header.run_dir = plan.Text(directory);
  header.state_path = plan.Text(StatePath(layout, id));
  if (!record.config.auto_remove) header.exit_path = plan.Text(ExitPath(layout, id));
  auto next_log_number = PrepareLog(layout, record);
  // Whoever runs is held; what it says from now on is gone.
  if (!next_log_number) record.config.log.driver = LogDriver::kNone;
  PutLog(layout, record, next_log_number.value_or(1), plan);
  CgroupLocation cgroup = ReadCgroupLocation(layout, id).value_or(CgroupLocation{});
  AddFreezer(plan, cgroup);
  if (std::string oom = cgroup.OomFile(); !oom.empty()) header.oom_path = plan.Text(oom);
  if (int64_t seconds = record.config.timeout_seconds; seconds > 0) {
    int64_t gone = (Now() - run.started_at) / kSecond;
    AddTimeout(plan, std::clamp<int64_t>(seconds - gone, 1, seconds), cgroup);
  }
  if (!record.config.network.ports.empty()) {
    header.forwarder_cgroup = plan.Texts(cgroup.HelperJoinFiles());
  }
  header.cleanup_argv = plan.Texts(CleanUpCommand(layout, id));
  if (record.config.HasHealthCheck()) {
    HealthState known = ReadHealth(layout, id, run.started_at);
    AddProbes(plan, *record.config.health, known, Now(), ProbeCommand(layout, id));
  }
  if (int64_t interval = record.config.sync_interval_ns; interval > 0) {
    AddSyncs(plan, interval, SyncVolumesCommand(layout, id));
  }
  MonitorNetwork network;
  // Also of one that has left all its networks: it may ask for names still.
  if (TheNetworkDriver() != nullptr) {
    network = TheNetworkDriver()->AttachAgain(layout, record, run.init);
  }
  network.Describe(plan, layout, id);
  std::string bytes = plan.Serialize();
  // It shares our lock until it has published itself: if we are killed, nobody may start another.
  TRY(SpawnedMonitor monitor, SpawnMonitor({.label = std::string(ShortId(id)), .lock = lock.fd()}));
  TRY(monitor.channel.SendLastPlan(std::move(bytes), network.Descriptors()));
  TRY(StartReply reply, monitor.channel.Receive());
  if (reply.kind == StartReply::Kind::kMessage &&
      reply.message.kind == StartMessageKind::kStarted) {
    monitor.process.Release();
    return {};
  }
  std::string what = fmt::format("container {}: start a new monitor", ShortId(id));
  if (reply.kind == StartReply::Kind::kEndOfFile) {
    return Fail(ErrorKind::kSystem, "{}: it was killed", what);
  }
  // ESRCH: the container ended in this very moment; the caller looks again.
  if (reply.message.value == ESRCH) return {};
  return Fail(SetupFailure(record.config.log, reply.message).InContext(what));
}

}  // namespace hoy::core
