#include "cli/ops/inspect_host_config.h"

#include <sys/resource.h>

#include <array>

#include "cli/ops/inspect_json.h"
#include "cli/ops/inspect_mounts.h"
#include "cli/ops/namespace_options.h"
#include "cli/ops/network_options.h"
#include "cli/ops/option_values.h"
#include "cli/ops/port_json.h"
#include "core/seccomp/capabilities.h"

namespace hoy::cli {
namespace {

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

Json DevicesOf(const core::GivenOptions& given) {
  Json list = Json::array();
  for (const std::string& text : given.devices) {
    auto device = ParseDevice(text);
    if (!device) continue;
    list.push_back({{"PathOnHost", device->host},
                    {"PathInContainer", device->container},
                    {"CgroupPermissions", device->access}});
  }
  return list;
}

Json DeviceRequestsOf(const core::GivenOptions& given) {
  if (given.cdi_devices.empty()) return nullptr;
  return Json::array({{{"Driver", "cdi"},
                       {"Count", 0},
                       {"DeviceIDs", given.cdi_devices},
                       {"Capabilities", nullptr},
                       {"Options", nullptr}}});
}

// As docker: as much swap as memory, unless asked otherwise.
int64_t MemorySwapOf(const core::ResourceLimits& limits) {
  int64_t swap = limits.memory_swap_bytes.value_or(0);
  return swap != 0 ? swap : 2 * limits.memory_bytes.value_or(0);
}

// As --storage-opt says it.
Json StorageOf(const core::ContainerConfig& config) {
  if (config.storage_size == 0) return nullptr;
  return {{"size", std::to_string(config.storage_size)}};
}

Json ThrottlesOf(const core::ResourceLimits& limits, std::string_view kind) {
  Json all = Json::array();
  for (const core::DeviceThrottle& throttle : limits.throttles) {
    if (throttle.kind == kind) all.push_back({{"Path", throttle.path}, {"Rate", throttle.rate}});
  }
  return all;
}

Json LogConfigOf(const core::LogConfig& log) {
  return {{"Type", core::ToString(log.driver)}, {"Config", ObjectOf(log.options)}};
}

}  // namespace

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
      {"Binds", OrNull(config.given.binds)},
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
      {"CapAdd", OrNull(config.cap_add)},
      {"CapDrop", OrNull(config.cap_drop)},
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
      {"Sysctls", ObjectOf(config.sysctls)},
      {"GroupAdd", config.process.additional_groups},
      {"CgroupParent", config.cgroup_parent},
      {"Devices", DevicesOf(config.given)},
      {"DeviceCgroupRules", OrNull(config.given.device_cgroup_rules)},
      {"DeviceRequests", DeviceRequestsOf(config.given)},
      {"Mounts", HostMountsOf(config)},
      {"Ulimits", UlimitsOf(config.process.rlimits)},
      {"Tmpfs", TmpfsOf(config)},
      {"Annotations", ObjectOf(config.annotations)},
      {"UsernsMode", ""},
      {"OomKillDisable", false},
      {"Cgroup", ""},
      {"ConsoleSize", {0, 0}},
      {"CpuCount", 0},
      {"CpuPercent", 0},
      {"IOMaximumIOps", 0},
      {"IOMaximumBandwidth", 0},
      {"Runtime", "hoy"},
      {"Isolation", ""},
      {"VolumeDriver", ""},
      {"VolumesFrom", OrNull(config.given.volumes_from)},
      {"Links", nullptr},
      {"BlkioWeightDevice", Json::array()},
      {"CpuRealtimePeriod", 0},
      {"CpuRealtimeRuntime", 0},
      {"MemorySwappiness", limits.memory_swappiness ? Json(*limits.memory_swappiness) : Json()},
      {"Memory", limits.memory_bytes.value_or(0)},
      {"MemorySwap", MemorySwapOf(limits)},
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

}  // namespace hoy::cli
