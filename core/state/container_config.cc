#include "core/state/container_config.h"

#include <nlohmann/json.hpp>

#include "core/base/json_view.h"
#include "core/state/config_names.h"
#include "core/state/json_text.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

// Raised when a record was written in a way that an older hoy would misread.
constexpr int kVersion = 1;

// One visitor names every field once; Writer and Reader walk the same list, so the two directions
// cannot disagree.
class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}
  template <typename T>
  void Field(const char* name, const T& value) {
    if constexpr (requires { value.has_value(); }) {
      if (value.has_value()) json_[name] = ToJson(*value);
    } else {
      json_[name] = ToJson(value);
    }
  }
  // Only when it is set: most mounts are hoy's own, and every start reads them.
  template <typename T>
  void Rarely(const char* name, const T& value) {
    if (value != T{}) Field(name, value);
  }

 private:
  template <typename T>
  static Json ToJson(const T& value);
  Json& json_;
};

class Reader {
 public:
  explicit Reader(JsonView json) : json_(json) {}
  template <typename T>
  void Field(const char* name, T& value) {
    JsonView found = json_[name];
    if (!found) return;
    if constexpr (requires { value.has_value(); }) {
      FromJson(found, value.emplace());
    } else {
      FromJson(found, value);
    }
  }
  template <typename T>
  void Rarely(const char* name, T& value) {
    Field(name, value);
  }

 private:
  template <typename T>
  static void FromJson(JsonView json, T& value);
  JsonView json_;
};

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, CapabilitySets>
{
  visitor.Field("bounding", x.bounding);
  visitor.Field("effective", x.effective);
  visitor.Field("permitted", x.permitted);
  visitor.Field("inheritable", x.inheritable);
  visitor.Field("ambient", x.ambient);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, Rlimit>
{
  visitor.Field("resource", x.resource);
  visitor.Field("soft", x.soft);
  visitor.Field("hard", x.hard);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, ProcessConfig>
{
  visitor.Field("args", x.args);
  visitor.Field("env", x.env);
  visitor.Field("cwd", x.cwd);
  visitor.Field("user", x.user);
  visitor.Field("additionalGroups", x.additional_groups);
  visitor.Field("terminal", x.terminal);
  visitor.Field("stdinOpen", x.stdin_open);
  visitor.Field("capabilities", x.capabilities);
  visitor.Field("noNewPrivileges", x.no_new_privileges);
  visitor.Field("rlimits", x.rlimits);
  visitor.Field("oomScoreAdj", x.oom_score_adj);
  visitor.Field("umask", x.umask);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, VolumeUse>
{
  visitor.Field("name", x.name);
  visitor.Field("anonymous", x.anonymous);
  visitor.Field("noCopy", x.no_copy);
  visitor.Field("subpath", x.subpath);
  visitor.Field("labels", x.labels);
  visitor.Field("options", x.options);
  visitor.Rarely("remote", x.remote);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, Hook>
{
  visitor.Field("point", x.point);
  visitor.Field("path", x.path);
  visitor.Field("args", x.args);
  visitor.Field("env", x.env);
  visitor.Field("timeout", x.timeout_seconds);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, ImageUse>
{
  visitor.Field("reference", x.reference);
  visitor.Field("id", x.id);
  visitor.Field("chainIds", x.chain_ids);
  visitor.Field("subpath", x.subpath);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, Mount>
{
  visitor.Field("kind", x.kind);
  visitor.Field("source", x.source);
  visitor.Rarely("filesystem", x.filesystem);
  visitor.Field("target", x.target);
  visitor.Field("flags", x.flags);
  visitor.Field("data", x.data);
  visitor.Field("propagation", x.propagation);
  visitor.Field("recursive", x.recursive);
  visitor.Field("recursiveReadonly", x.recursive_readonly);
  visitor.Field("sourceIsDirectory", x.source_is_directory);
  visitor.Field("fromUser", x.from_user);
  visitor.Rarely("byMountOption", x.by_mount_option);
  visitor.Rarely("mode", x.mode);
  visitor.Rarely("createSource", x.create_source);
  visitor.Rarely("overlay", x.overlay);
  visitor.Rarely("owned", x.owned);
  visitor.Field("volume", x.volume);
  visitor.Field("image", x.image);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, Device>
{
  visitor.Field("path", x.path);
  visitor.Field("hostPath", x.host_path);
  visitor.Field("type", x.type);
  visitor.Field("major", x.major);
  visitor.Field("minor", x.minor);
  visitor.Field("mode", x.mode);
  visitor.Field("uid", x.uid);
  visitor.Field("gid", x.gid);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, DeviceRule>
{
  visitor.Field("allow", x.allow);
  visitor.Field("type", x.type);
  visitor.Field("major", x.major);
  visitor.Field("minor", x.minor);
  visitor.Field("access", x.access);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, NamespaceModes>
{
  visitor.Field("pid", x.pid);
  visitor.Field("ipc", x.ipc);
  visitor.Field("uts", x.uts);
  visitor.Field("net", x.net);
  visitor.Field("cgroup", x.cgroup);
  visitor.Rarely("ipcSharing", x.ipc_sharing);
  visitor.Rarely("pidContainer", x.pid_container);
  visitor.Rarely("ipcContainer", x.ipc_container);
  visitor.Rarely("utsContainer", x.uts_container);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, NetworkAttachment>
{
  visitor.Field("network", x.network);
  visitor.Field("address", x.address);
  visitor.Field("address6", x.address6);
  visitor.Field("mac", x.mac);
  visitor.Field("aliases", x.aliases);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, PortBinding>
{
  visitor.Field("hostAddress", x.host_address);
  visitor.Field("hostPort", x.host_port);
  visitor.Field("hostPortLast", x.host_port_last);
  visitor.Field("containerPort", x.container_port);
  visitor.Field("protocol", x.protocol);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, NetworkConfig>
{
  visitor.Field("attachments", x.attachments);
  visitor.Field("ports", x.ports);
  visitor.Field("publishAll", x.publish_all);
  visitor.Field("container", x.container);
  visitor.Field("path", x.path);
  visitor.Field("dns", x.dns);
  visitor.Field("dnsSearch", x.dns_search);
  visitor.Field("dnsOptions", x.dns_options);
  visitor.Field("extraHosts", x.extra_hosts);
  visitor.Rarely("noHosts", x.no_hosts);
}
template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, SeccompChoice>
{
  visitor.Field("mode", x.mode);
  visitor.Field("profile", x.profile);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, ImageIdentity>
{
  visitor.Field("reference", x.reference);
  visitor.Field("name", x.name);
  visitor.Field("id", x.id);
  visitor.Field("digest", x.digest);
  visitor.Field("chainIds", x.chain_ids);
  visitor.Field("volumes", x.volumes);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, RootDirectory>
{
  visitor.Field("path", x.path);
  visitor.Field("overlay", x.overlay);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, AttachedStreams>
{
  visitor.Field("stdin", x.in);
  visitor.Field("stdout", x.out);
  visitor.Field("stderr", x.err);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, DeviceThrottle>
{
  visitor.Field("kind", x.kind);
  visitor.Field("path", x.path);
  visitor.Field("major", x.major);
  visitor.Field("minor", x.minor);
  visitor.Field("rate", x.rate);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, ResourceLimits>
{
  visitor.Field("memory", x.memory_bytes);
  visitor.Field("memorySwap", x.memory_swap_bytes);
  visitor.Field("memoryReservation", x.memory_reservation_bytes);
  visitor.Field("memorySwappiness", x.memory_swappiness);
  visitor.Field("nanoCpus", x.nano_cpus);
  visitor.Field("cpuShares", x.cpu_shares);
  visitor.Field("cpuQuota", x.cpu_quota_us);
  visitor.Field("cpuPeriod", x.cpu_period_us);
  visitor.Field("pids", x.pids_limit);
  visitor.Field("blkioWeight", x.blkio_weight);
  visitor.Field("throttles", x.throttles);
  visitor.Field("cpusetCpus", x.cpuset_cpus);
  visitor.Field("cpusetMems", x.cpuset_mems);
  visitor.Field("cgroupConf", x.cgroup_conf);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, RestartPolicy>
{
  visitor.Field("mode", x.mode);
  visitor.Field("maxRetries", x.max_retries);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, LogConfig>
{
  visitor.Field("driver", x.driver);
  visitor.Field("options", x.options);
  visitor.Field("maxSize", x.max_size);
  visitor.Field("maxFiles", x.max_files);
  visitor.Field("compress", x.compress);
  visitor.Field("tag", x.tag);
  visitor.Field("attributes", x.attributes);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, HealthCheck>
{
  visitor.Field("test", x.test);
  visitor.Field("shell", x.shell);
  visitor.Field("interval", x.interval);
  visitor.Field("timeout", x.timeout);
  visitor.Field("startPeriod", x.start_period);
  visitor.Field("startInterval", x.start_interval);
  visitor.Field("retries", x.retries);
  visitor.Field("onFailure", x.on_failure);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, GivenOptions>
{
  visitor.Rarely("binds", x.binds);
  visitor.Rarely("volumesFrom", x.volumes_from);
  visitor.Rarely("devices", x.devices);
  visitor.Rarely("deviceCgroupRules", x.device_cgroup_rules);
  visitor.Rarely("cdiDevices", x.cdi_devices);
}

template <typename Visitor, typename T>
void Visit(Visitor visitor, T& x)
  requires std::is_same_v<std::remove_const_t<T>, ContainerConfig>
{
  visitor.Field("process", x.process);
  visitor.Field("image", x.image);
  visitor.Field("rootfs", x.rootfs);
  visitor.Field("entrypoint", x.entrypoint);
  visitor.Field("command", x.command);
  visitor.Field("hostname", x.hostname);
  visitor.Field("domainname", x.domainname);
  visitor.Field("attached", x.attached);
  visitor.Field("timezone", x.timezone);
  visitor.Field("init", x.init);
  visitor.Field("readonlyRootfs", x.readonly_rootfs);
  visitor.Field("privileged", x.privileged);
  visitor.Field("capAdd", x.cap_add);
  visitor.Field("capDrop", x.cap_drop);
  visitor.Field("mounts", x.mounts);
  visitor.Field("devices", x.devices);
  visitor.Field("deviceRules", x.device_rules);
  visitor.Field("maskedPaths", x.masked_paths);
  visitor.Field("readonlyPaths", x.readonly_paths);
  visitor.Field("sysctls", x.sysctls);
  visitor.Field("namespaces", x.namespaces);
  visitor.Field("network", x.network);
  visitor.Field("seccomp", x.seccomp);
  visitor.Field("limits", x.limits);
  visitor.Field("cgroupParent", x.cgroup_parent);
  visitor.Field("shmSize", x.shm_size);
  visitor.Field("storageSize", x.storage_size);
  visitor.Field("stopSignal", x.stop_signal);
  visitor.Field("stopTimeout", x.stop_timeout_seconds);
  visitor.Field("timeout", x.timeout_seconds);
  visitor.Rarely("syncInterval", x.sync_interval_ns);
  visitor.Field("pidFile", x.pid_file);
  visitor.Field("cidFile", x.cid_file);
  visitor.Field("autoRemove", x.auto_remove);
  visitor.Field("restart", x.restart);
  visitor.Field("log", x.log);
  visitor.Field("health", x.health);
  visitor.Field("notify", x.notify);
  visitor.Field("exposedPorts", x.exposed_ports);
  visitor.Field("labels", x.labels);
  visitor.Rarely("hooks", x.hooks);
  visitor.Rarely("given", x.given);
  visitor.Rarely("ownVariables", x.own_variables);
  visitor.Field("annotations", x.annotations);
  visitor.Field("secretVariables", x.secret_variables);
}

template <typename T>
concept IsList = requires(T list) { list.emplace_back(); } && !std::is_same_v<T, std::string>;

template <typename T>
Json Writer::ToJson(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return TextToJson(value);
  } else if constexpr (std::is_same_v<T, std::pair<std::string, std::string>>) {
    return Json::array({TextToJson(value.first), TextToJson(value.second)});
  } else if constexpr (std::is_same_v<T, char>) {
    return std::string(1, value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& [member, name] : NamesOf(value)) {
      if (member == value) return name;
    }
    return nullptr;
  } else if constexpr (IsList<T>) {
    Json list = Json::array();
    for (const auto& element : value) list.push_back(ToJson(element));
    return list;
  } else {
    Json object = Json::object();
    Visit(Writer(object), value);
    return object;
  }
}

template <typename T>
void Reader::FromJson(JsonView json, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    value = TextFromJson(json);
  } else if constexpr (std::is_same_v<T, std::pair<std::string, std::string>>) {
    JsonView first = json.First();
    value = {TextFromJson(first), TextFromJson(first.Next())};
  } else if constexpr (std::is_same_v<T, char>) {
    std::string text = OrThrow(json.String(), "a letter");
    if (text.empty()) throw std::invalid_argument("a letter was expected");
    value = text[0];
  } else if constexpr (std::is_same_v<T, bool>) {
    value = OrThrow(json.Bool(), "true or false");
  } else if constexpr (std::is_arithmetic_v<T>) {
    value = OrThrow(json.As<T>(), "a number");
  } else if constexpr (std::is_enum_v<T>) {
    std::string text = OrThrow(json.String(), "a word");
    for (const auto& [member, name] : NamesOf(value)) {
      if (name == text) {
        value = member;
        return;
      }
    }
    throw std::invalid_argument("unknown word '" + text + "'");
  } else if constexpr (IsList<T>) {
    if (!json.IsArray()) throw std::invalid_argument("a list was expected");
    value.clear();
    for (JsonView element = json.First(); element; element = element.Next()) {
      FromJson(element, value.emplace_back());
    }
  } else {
    if (!json.IsObject()) throw std::invalid_argument("an object was expected");
    Visit(Reader(json), value);
  }
}

}  // namespace

std::string_view ToString(RestartMode mode) {
  for (const auto& [member, name] : kRestartModes) {
    if (member == mode) return name;
  }
  return "no";
}

std::string EncodeContainerConfig(const ContainerConfig& config) {
  Json json = {{"version", kVersion}};
  Visit(Writer(json), config);
  return json.dump();
}

Result<ContainerConfig> DecodeContainerConfig(std::string_view text) {
  try {
    auto json = JsonText::Parse(text);
    if (!json) return Fail(ErrorKind::kCorrupt, "container config: not JSON");
    if (OrThrow(json->root()["version"].As<int>(), "a version") > kVersion) {
      return Fail(ErrorKind::kUnsupported, "container config: written by a newer hoy");
    }
    ContainerConfig config;
    Visit(Reader(json->root()), config);
    return config;
  } catch (const std::exception& error) {
    return Fail(ErrorKind::kCorrupt, "container config: {}", error.what());
  }
}

}  // namespace hoy::core
