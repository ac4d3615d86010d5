#include "cli/ops/container_config.h"

#include <fnmatch.h>
#include <sys/mount.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cli/ops/container_mounts.h"
#include "cli/ops/environment.h"
#include "cli/ops/given_options.h"
#include "cli/ops/health_options.h"
#include "cli/ops/limit_options.h"
#include "cli/ops/log_options.h"
#include "cli/ops/mount_fields.h"
#include "cli/ops/mount_options.h"
#include "cli/ops/namespace_options.h"
#include "cli/ops/network_options.h"
#include "cli/ops/option_values.h"
#include "cli/ops/port_options.h"
#include "core/base/text.h"
#include "core/cgroup/devices.h"
#include "core/engine/timezone.h"
#include "core/rootfs/default_mounts.h"
#include "core/rootfs/executable.h"
#include "core/seccomp/capabilities.h"
#include "core/seccomp/seccomp.h"
#include "core/state/container_id.h"
#include "core/state/name_generator.h"
#include "core/state/s3_volume.h"
#include "core/sys/signals.h"
#include "net/attach/host_network.h"

namespace hoy::cli {
namespace {

using core::ContainerConfig;
using core::Mount;
using core::MountKind;
using core::NamespaceMode;

constexpr size_t kMaxHostname = 64;  // __NEW_UTS_LEN, uname(2)

// One step for each group of options. They are run in order: later ones read what earlier ones
// decided (namespaces, mounts).
class Builder {
 public:
  Builder(const RunOptions& options, const oci::ImageRunConfig& image, const HostFacts& host,
          std::string_view id)
      : options_(options), image_(image), host_(host), id_(id) {}

  Result<BuiltConfig> Build() {
    TRY(SetNamespaces());
    TRY(SetRoot());
    TRY(SetPorts(options_.publish, options_.publish_all, config(), built_.warnings));
    TRY(SetNames());
    TRY(SetCommand());
    TRY(SetAttached());
    TRY(SetEnvironment());
    TRY(SetLabels());
    TRY(SetLifetime());
    TRY(SetSecurity());
    TRY(SetMounts());
    TRY(SetDevices());
    TRY(SetSysctls());
    TRY(SetLimits());
    TRY(config().given, ParseGivenOptions(options_, host_));
    return std::move(built_);
  }

 private:
  Result<> SetNamespaces();
  Result<> SetRoot();
  Result<> SetNames();
  Result<> SetCommand();
  Result<> SetAttached();
  Result<> SetEnvironment();
  Result<> SetLabels();
  Result<> SetLifetime();
  Result<> SetSecurity();
  Result<> SetStorage();
  Result<> SetMounts();
  Result<> SetSyncInterval();
  Result<> SetDevices();
  Result<> SetSysctls();
  Result<> SetLimits();

  ContainerConfig& config() { return built_.config; }
  std::string Absolute(const std::string& path) const {
    return path.starts_with('/') ? path : CleanPath(host_.cwd + "/" + path);
  }

  const RunOptions& options_;
  const oci::ImageRunConfig& image_;
  const HostFacts& host_;
  std::string_view id_;
  BuiltConfig built_;
};

Result<> Builder::SetNamespaces() {
  TRY(config().namespaces, ParseNamespaces(options_, host_));
  auto preset = FindVariable(host_.env, "HOY_NETWORK");
  TRY(NetworkChoice network,
      ParseNetworks(options_, preset ? std::string_view(*preset) : net::kDefaultNetwork));
  config().namespaces.net = network.mode;
  config().network = std::move(network.config);
  return {};
}

Result<> Builder::SetRoot() {
  config().image.reference = options_.image;
  config().image.volumes = image_.volumes;
  std::set<std::string> exposed(image_.exposed_ports.begin(), image_.exposed_ports.end());
  for (const std::string& text : options_.expose) {
    TRY(auto ports, ParsePorts("--expose", text));
    exposed.insert(ports.begin(), ports.end());
  }
  config().exposed_ports.assign(exposed.begin(), exposed.end());
  if (options_.rootfs) {
    config().rootfs = RootDirectoryOf(options_.image);
    config().rootfs.path = host_.rootfs;
    config().image.reference = host_.rootfs + (config().rootfs.overlay ? ":O" : "");
    if (host_.rootfs == "/" && !config().rootfs.overlay) {
      return Fail(MakeError(ErrorKind::kInvalidArgument,
                            "--rootfs '/': the host's own root would be written to")
                      .WithHint("use /:O to have an overlay above it"));
    }
  }
  if (!options_.tz.empty() && !core::IsTimezoneName(options_.tz)) {
    return Fail(MakeError(ErrorKind::kInvalidArgument,
                          fmt::format("--tz '{}': not the name of a time zone", options_.tz))
                    .WithHint("say for example Europe/Berlin, UTC or local"));
  }
  config().timezone = options_.tz;
  return {};
}

Result<> CheckHostname(std::string_view flag, std::string_view name) {
  bool good = name.size() <= kMaxHostname && !name.starts_with('-') && !name.starts_with('.') &&
              std::ranges::all_of(name, [](char c) {
                return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_';
              });
  if (good) return {};
  return Fail(ErrorKind::kInvalidArgument,
              "{} '{}': at most {} letters, digits, '-', '_' and '.' are allowed", flag, name,
              kMaxHostname);
}

Result<> Builder::SetNames() {
  if (!options_.name.empty() && !core::IsValidContainerName(options_.name)) {
    return Fail(ErrorKind::kInvalidArgument,
                "--name '{}': names have 2 to 255 characters, [a-zA-Z0-9][a-zA-Z0-9_.-]+",
                options_.name);
  }
  TRY(CheckHostname("--hostname", options_.hostname));
  TRY(CheckHostname("--domainname", options_.domainname));
  if (config().namespaces.uts != NamespaceMode::kPrivate) {
    if (!options_.hostname.empty() || !options_.domainname.empty()) {
      return Fail(ErrorKind::kInvalidArgument,
                  "--hostname and --domainname cannot be set with --uts {}", options_.uts);
    }
    auto target = host_.join_targets.find(options_.uts);
    if (target != host_.join_targets.end()) config().hostname = target->second.hostname;
    return {};
  }
  config().domainname = options_.domainname;
  config().hostname = options_.hostname;
  if (!config().hostname.empty()) return {};
  // On the host's network the host's name is the one that others know.
  bool host_network = config().namespaces.net == NamespaceMode::kHost && !host_.hostname.empty();
  config().hostname = host_network ? host_.hostname : std::string(core::ShortId(id_));
  return {};
}

Result<> Builder::SetCommand() {
  core::ProcessConfig& process = config().process;
  if (options_.entrypoint) {
    if (!options_.entrypoint->empty()) config().entrypoint = {*options_.entrypoint};
    config().command = options_.command;
  } else {
    config().entrypoint = image_.entrypoint;
    config().command = options_.command.empty() ? image_.cmd : options_.command;
  }
  process.args = config().entrypoint;
  process.args.insert(process.args.end(), config().command.begin(), config().command.end());
  if (process.args.empty()) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "no command to run")
                    .WithHint(options_.entrypoint
                                  ? "--entrypoint drops the image's own command; give one after "
                                    "the image"
                              : options_.rootfs
                                  ? "give one after the directory"
                                  : "the image names none; give one after the image"));
  }
  if (!options_.workdir.empty() && !options_.workdir.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "-w '{}': the path must be absolute",
                options_.workdir);
  }
  process.cwd = CleanPath(options_.workdir.empty() ? image_.working_dir : options_.workdir);
  process.user = options_.user.empty() ? image_.user : options_.user;
  process.additional_groups = options_.group_add;
  for (const std::string& group : host_.cdi.groups) process.additional_groups.push_back(group);
  process.terminal = options_.tty;
  process.stdin_open = options_.interactive;
  config().init = options_.init;
  return {};
}

Result<> Builder::SetAttached() {
  auto named = [&](std::string_view stream) {
    return std::ranges::find(options_.attach, stream) != options_.attach.end();
  };
  bool all = options_.attach.empty();
  if (options_.detach) {
    if (all) return {};
    return Fail(ErrorKind::kInvalidArgument, "--attach and --detach contradict each other");
  }
  config().attached = {.in = options_.interactive || named("stdin"),
                       .out = all || named("stdout"),
                       .err = all || named("stderr")};
  return {};
}

Result<> Builder::SetEnvironment() {
  Environment env;
  env.Set("PATH", core::kDefaultPath);
  env.SetOwn("HOSTNAME", config().hostname.empty() ? host_.hostname : config().hostname);
  if (options_.tty) env.SetOwn("TERM", "xterm");
  env.SetOwn("container", "oci");
  if (options_.env_host) {
    for (const std::string& line : host_.env) env.SetLine(line);
  }
  for (const std::string& line : image_.env) env.SetLine(line);
  for (const std::string& name : options_.unsetenv) env.Remove(name);
  for (const std::string& line : host_.cdi.env) env.SetLine(line);
  for (const std::string& path : options_.env_file) {
    TRY(auto entries, ParseEnvFile(path, host_.texts.at(path)));
    for (const EnvEntry& entry : entries) {
      // In a file a bare name that the host lacks is skipped; on the command line it unsets.
      if (entry.value || FindVariable(host_.env, entry.name)) env.Apply(entry, host_.env);
    }
  }
  for (const std::string& text : options_.env) {
    TRY(EnvEntry entry, ParseEnv("-e", text));
    env.Apply(entry, host_.env);
  }
  config().own_variables = env.own();
  config().process.env = env.Take();
  return {};
}

Result<> Builder::SetLabels() {
  std::map<std::string, std::string> labels = image_.labels;
  for (const std::string& path : options_.label_file) {
    TRY(auto entries, ParseLabelFile(path, host_.texts.at(path)));
    for (auto& [key, value] : entries) labels[key] = value;
  }
  for (const std::string& text : options_.label) {
    TRY(auto label, ParseKeyValue("--label", text));
    labels[label.first] = label.second;
  }
  config().labels.assign(labels.begin(), labels.end());
  std::map<std::string, std::string> annotations;
  for (const std::string& text : options_.annotation) {
    TRY(auto annotation, ParseKeyValue("--annotation", text));
    annotations[annotation.first] = annotation.second;
  }
  config().annotations.assign(annotations.begin(), annotations.end());
  return {};
}

Result<> Builder::SetLifetime() {
  TRY(ParsePullPolicy(options_.pull));
  bool from_image = options_.stop_signal.empty();
  const std::string& signal_text = from_image ? image_.stop_signal : options_.stop_signal;
  if (!signal_text.empty()) {
    auto signal = core::ParseSignal(signal_text);
    if (!signal) {
      return Fail(ErrorKind::kInvalidArgument, "{} '{}': no such signal",
                  from_image ? "the image's stop signal" : "--stop-signal", signal_text);
    }
    config().stop_signal = *signal;
  }
  if (!options_.stop_timeout.empty()) {
    TRY(config().stop_timeout_seconds,
        ParseNumberFlag("--stop-timeout", options_.stop_timeout, -1, kMaxSeconds));
  }
  if (!options_.timeout.empty()) {
    TRY(config().timeout_seconds, ParseNumberFlag("--timeout", options_.timeout, 0, kMaxSeconds));
  }
  config().auto_remove = options_.rm;
  TRY(config().restart, ParseRestartPolicy(options_.restart));
  if (options_.rm && config().restart.mode != core::RestartMode::kNo) {
    return Fail(ErrorKind::kInvalidArgument, "conflicting options: --restart and --rm");
  }
  TRY(config().log, BuildLogConfig(options_, built_.warnings));
  config().notify = options_.sdnotify;
  TRY(config().health, ChooseHealthCheck(options_, image_));
  if (!options_.pidfile.empty()) {
    config().pid_file = Absolute(options_.pidfile);
  }
  if (!options_.cidfile.empty()) config().cid_file = Absolute(options_.cidfile);
  return {};
}

Result<> Builder::SetSecurity() {
  core::ProcessConfig& process = config().process;
  config().privileged = options_.privileged;
  TRY(auto choice, core::ComputeCapabilities(options_.cap_add, options_.cap_drop,
                                             options_.privileged, {host_.capabilities}));
  for (const std::string& name : core::CapabilityNames(choice.unavailable)) {
    built_.warnings.push_back(fmt::format("--cap-add {}: hoy does not have it itself", name));
  }
  config().cap_add = core::CanonicalCapabilities(options_.cap_add);
  config().cap_drop = core::CanonicalCapabilities(options_.cap_drop);
  uint64_t bits = choice.set.bits;
  // Nothing is inheritable or ambient: a program of another user gains none by being executed.
  process.capabilities = {.bounding = bits, .effective = bits, .permitted = bits};

  TRY(SecurityOptions security, ParseSecurityOptions(options_.security_opt));
  process.no_new_privileges = security.no_new_privileges;
  config().seccomp.mode = security.seccomp.value_or(
      options_.privileged ? core::SeccompMode::kUnconfined : core::SeccompMode::kDefault);
  if (!security.seccomp_file.empty()) {
    config().seccomp.profile = host_.texts.at(security.seccomp_file);
    TRY_CONTEXT(core::LoadSeccompProfile(config().seccomp.profile, {bits}),
                "--security-opt 'seccomp={}'", security.seccomp_file);
  }
  auto unmasked = [&](const std::string& path) {
    return std::ranges::any_of(security.unmask, [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
    });
  };
  if (!options_.privileged && !security.unmask_all) {
    config().masked_paths = core::DefaultMaskedPaths();
    config().readonly_paths = core::DefaultReadonlyPaths();
    std::erase_if(config().masked_paths, unmasked);
    std::erase_if(config().readonly_paths, unmasked);
  }
  for (const std::string& path : security.mask) config().masked_paths.push_back(CleanPath(path));

  config().readonly_rootfs = options_.read_only;
  if (!options_.umask.empty()) {
    bool octal = options_.umask.size() <= 4 &&
                 options_.umask.find_first_not_of("01234567") == std::string::npos;
    mode_t value = octal ? static_cast<mode_t>(std::stoul(options_.umask, nullptr, 8)) : 01000;
    if (value > 0777) {
      return Fail(ErrorKind::kInvalidArgument, "--umask '{}': not an octal mode like 0022",
                  options_.umask);
    }
    process.umask = value;
  }
  if (!options_.oom_score_adj.empty()) {
    TRY(int64_t value, ParseNumberFlag("--oom-score-adj", options_.oom_score_adj, -1000, 1000));
    process.oom_score_adj = static_cast<int>(value);
  }
  return {};
}

Result<> Builder::SetStorage() {
  for (const std::string& option : options_.storage_opt) {
    auto [key, value] = CutAt(option, '=');
    if (key != "size" || !value) {
      return Fail(ErrorKind::kInvalidArgument, "--storage-opt '{}': one of size=SIZE", option);
    }
    TRY(config().storage_size, ParseSizeFlag("--storage-opt size", *value, 1));
  }
  if (config().storage_size > 0 && !config().HasUpper()) {
    return Fail(ErrorKind::kInvalidArgument,
                "--storage-opt size: the container writes to {} itself", config().rootfs.path);
  }
  return {};
}

// The container's own, else the shortest that one of its mounts asks for: one process syncs all.
Result<> Builder::SetSyncInterval() {
  int64_t& interval = config().sync_interval_ns;
  if (!options_.sync_interval.empty()) {
    TRY(interval, core::ParseSyncInterval("--sync-interval", options_.sync_interval));
  }
  for (Mount& mount : config().mounts) {
    if (!mount.volume) continue;
    if (!options_.sync_interval.empty()) mount.volume->sync_interval_ns = interval;
    int64_t own = mount.volume->sync_interval_ns.value_or(0);
    if (own > 0) interval = interval == 0 ? own : std::min(interval, own);
  }
  return {};
}

Result<> Builder::SetMounts() {
  if (!options_.shm_size.empty()) {
    TRY(int64_t size, ParseSizeFlag("--shm-size", options_.shm_size));
    if (size > 0) config().shm_size = size;
    const core::NamespaceModes& modes = config().namespaces;
    if (modes.ipc != NamespaceMode::kPrivate || modes.ipc_sharing == core::IpcSharing::kNone) {
      built_.warnings.push_back(
          fmt::format("--shm-size has no effect with --ipc {}", options_.ipc));
    }
  }
  TRY(SetStorage());
  TRY(config().mounts,
      BuildMounts(options_, image_.volumes, host_, config().shm_size, built_.warnings));
  return SetSyncInterval();
}

Result<> Builder::SetDevices() {
  auto add = [&](core::Device device) {
    std::erase_if(config().devices, [&](const core::Device& d) { return d.path == device.path; });
    config().devices.push_back(std::move(device));
  };
  for (core::Device& device : core::DefaultDevices()) add(std::move(device));
  std::vector<core::DeviceRule> rules = core::DefaultDeviceRules();
  for (core::Device device : host_.all_devices) {
    device.path = device.host_path;
    add(std::move(device));
  }
  auto give = [&](const DeviceOption& option) {
    for (core::Device device : host_.devices.at(option.host)) {
      rules.push_back({.allow = true,
                       .type = device.type,
                       .major = device.major,
                       .minor = device.minor,
                       .access = option.access});
      device.path = CleanPath(option.container + device.path);
      add(std::move(device));
    }
  };
  for (const CdiNode& node : host_.cdi.nodes) {
    give({.host = node.host_path, .container = node.path, .access = node.access});
  }
  config().hooks = host_.cdi.hooks;
  for (const std::string& text : options_.device) {
    if (IsCdiName(text)) continue;
    TRY(DeviceOption option, ParseDevice(text));
    give(option);
  }
  for (const std::string& text : options_.device_cgroup_rule) {
    auto rule = core::ParseDeviceRule(text);
    if (!rule) return Fail(std::move(rule).error().InContext("--device-cgroup-rule"));
    rules.push_back(*std::move(rule));
  }
  if (!options_.privileged) config().device_rules = std::move(rules);
  // With a /dev of the user's own (-v /dev:/dev) nodes would be made on the host.
  std::erase_if(config().devices, [&](const core::Device& device) {
    return std::ranges::any_of(config().mounts, [&](const Mount& mount) {
      return mount.kind == MountKind::kBind && device.path.starts_with(mount.target + "/");
    });
  });
  return {};
}

Result<> Builder::SetSysctls() {
  std::map<std::string, std::string> sysctls;
  for (const std::string& text : options_.sysctl) {
    TRY(auto sysctl, ParseSysctl(text, config().namespaces));
    sysctls[sysctl.first] = sysctl.second;
  }
  config().sysctls.assign(sysctls.begin(), sysctls.end());
  return {};
}

Result<> Builder::SetLimits() {
  TRY(config().limits, ParseResourceLimits(options_, host_));
  auto parts = Split(options_.cgroup_parent, '/');
  if (std::ranges::find(parts, "..") != parts.end()) {
    return Fail(ErrorKind::kInvalidArgument, "--cgroup-parent '{}': must not contain '..'",
                options_.cgroup_parent);
  }
  config().cgroup_parent = options_.cgroup_parent;
  TRY(auto rlimits, ParseRlimits(options_.ulimit, host_));
  config().process.rlimits = std::move(rlimits.limits);
  for (std::string& warning : rlimits.warnings) built_.warnings.push_back(std::move(warning));
  return {};
}

}  // namespace

Result<BuiltConfig> BuildContainerConfig(const RunOptions& options,
                                         const oci::ImageRunConfig& image, const HostFacts& host,
                                         std::string_view id) {
  return Builder(options, image, host, id).Build();
}

Result<> CheckRunOptions(const RunOptions& options, const HostFacts& host) {
  oci::ImageRunConfig image;
  image.cmd = {"/any"};
  image.healthcheck = R"({"Test":["CMD","/any"]})";
  RunOptions without_entrypoint = options;
  without_entrypoint.entrypoint.reset();
  TRY(BuildContainerConfig(without_entrypoint, image, host, std::string(64, '0')));
  return {};
}

}  // namespace hoy::cli
