#pragma once
// Everything that is needed to start a container, decided once when it is created: the pure result
// of options, image config and defaults (cli/ops/container_config.h), saved in the container's
// record. Nothing in it depends on a run: no pids, no descriptors, no RUN paths.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/state/health_check.h"
#include "core/state/log_config.h"
#include "core/state/resource_limits.h"

namespace hoy::core {

// Bit n is capability n (linux/capability.h).
struct CapabilitySets {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;

  bool operator==(const CapabilitySets&) const = default;
};

// RLIMIT_* of getrlimit(2). RLIM_INFINITY is UINT64_MAX.
struct Rlimit {
  int resource = 0;
  uint64_t soft = 0;
  uint64_t hard = 0;

  bool operator==(const Rlimit&) const = default;
};

// What is exec'ed and as whom. `hoy exec` makes another one for the same container.
struct ProcessConfig {
  std::vector<std::string> args;  // args[0] is looked up in PATH inside the root at start
  std::vector<std::string> env;   // "NAME=value", each name once; HOME is added at start from the
                                  // image's passwd when it is absent
  std::string cwd = "/";          // absolute; created when missing
  std::string user;               // "user[:group]", looked up inside the root at start; "" is root
  std::vector<std::string> additional_groups;  // names or numbers, looked up likewise
  bool terminal = false;
  bool stdin_open = false;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  std::vector<Rlimit> rlimits;  // only what differs from hoy's own; already clamped
  std::optional<int> oom_score_adj;
  mode_t umask = 0022;

  bool operator==(const ProcessConfig&) const = default;
};

enum class MountKind {
  kBind,
  kTmpfs,
  kProc,
  kSysfs,
  kDevpts,
  kMqueue,
  kCgroup,
  kJoinedShm,   // the /dev/shm of the container whose IPC namespace is joined
  kFilesystem,  // of a device, a server or a bucket: mounted for each start (engine/made_mounts.h)
};

inline constexpr std::string_view kS3fs = "fuse.s3fs";  // Mount::filesystem, as mountinfo has it

using StringPairs = std::vector<std::pair<std::string, std::string>>;

// What a mount wants of a named or anonymous volume (core/state/volume.h).
struct VolumeUse {
  std::string name;        // empty until the container is made: an anonymous one has no name before
  bool anonymous = false;  // it goes with the last container that uses it
  bool no_copy = false;    // begins empty, whatever the image has at the mount's target
  std::string subpath;     // the part of it that is mounted; resolved inside the volume at start
  StringPairs labels;      // of the volume, when it has to be made
  StringPairs options;     // likewise: type, o, device
  StringPairs secrets;     // likewise, and in no record: keys of an S3 volume
  bool remote = false;     // it is one: a start fetches what is new, the end writes it back
  // In no record: the container's is the shortest of its mounts'. nullopt: as the volume has it.
  std::optional<int64_t> sync_interval_ns;

  bool operator==(const VolumeUse&) const = default;
};

// An image whose files are mounted (--mount type=image).
struct ImageUse {
  std::string reference;               // as the user typed it
  std::string id;                      // config digest, hex
  std::vector<std::string> chain_ids;  // hex, lowest layer first
  std::string subpath;                 // the part that is mounted; resolved inside the image

  bool operator==(const ImageUse&) const = default;
};

// A program that is run while the container is made, or when it has ended (engine/hooks.h).
enum class HookPoint { kCreateRuntime, kCreateContainer, kStartContainer, kPoststart, kPoststop };
struct Hook {
  HookPoint point = HookPoint::kCreateRuntime;
  std::string path;
  std::vector<std::string> args;  // with the program's own name
  std::vector<std::string> env;   // "NAME=value": all that it gets
  int timeout_seconds = 0;        // 0: it may take as long as it likes

  bool operator==(const Hook&) const = default;
};

// One mount inside the container, to be made in list order after the overlay root.
struct Mount {
  MountKind kind = MountKind::kBind;
  std::string source;      // kBind: absolute host path; kFilesystem: its device; otherwise the name
                           // mountinfo shows
  std::string filesystem;  // kFilesystem: "ext4", "nfs", kS3fs
  std::string target;      // absolute, cleaned, inside the root; created when missing
  uint64_t flags = 0;  // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC ...; no MS_BIND, no propagation
  std::string data;    // options of the file system: "mode=1777,size=65536k"
  uint64_t propagation = 0;  // MS_PRIVATE, MS_SLAVE or MS_SHARED, with MS_REC or not; 0: MS_PRIVATE
                             // | MS_REC
  bool recursive = true;     // kBind: with the mounts below it (MS_REC)
  bool recursive_readonly = false;  // kBind and MS_RDONLY: the mounts below as well, where the
                                    // kernel can (mount_setattr(2), Linux 5.12)
  bool source_is_directory = true;  // kBind: what to create when the target is missing
  bool from_user = false;           // named by -v, --mount or --tmpfs: what inspect's Mounts lists
  bool by_mount_option = false;     // by --mount: in inspect's HostConfig it is among the Mounts
  std::string mode;                 // the options that -v or --tmpfs ended with, as typed
  bool create_source = false;       // kBind: what is missing is made at a start, as a directory
  bool overlay = false;  // kBind: what is written goes to a layer that is thrown away after the run
  bool owned = false;    // kBind: what its source's owner has is the container's user's
  std::optional<VolumeUse> volume;  // then `source` is set when the container is made
  std::optional<ImageUse> image;    // kBind: of an image's layers, without `source`

  // It is opened before the container's root is made, and moved there.
  bool HasSource() const { return kind == MountKind::kBind || kind == MountKind::kFilesystem; }

  bool operator==(const Mount&) const = default;
};

// A node to create below the container's /dev, or to bind from `host_path` where mknod(2) is not
// allowed.
struct Device {
  std::string path;       // in the container, absolute
  std::string host_path;  // on the host, absolute
  char type = 'c';        // 'c' or 'b'
  uint32_t major = 0;
  uint32_t minor = 0;
  mode_t mode = 0666;
  uid_t uid = 0;
  gid_t gid = 0;

  bool operator==(const Device&) const = default;
};

// kJoined: the namespace of another container, or of the network one by its path.
enum class NamespaceMode { kPrivate, kHost, kJoined };

// What becomes of an IPC namespace of its own, in docker's words.
enum class IpcSharing {
  kPrivate,    // nobody else joins it
  kShareable,  // other containers may
  kNone,       // nobody else joins it, and there is no /dev/shm
};

struct NamespaceModes {
  NamespaceMode pid = NamespaceMode::kPrivate;
  NamespaceMode ipc = NamespaceMode::kPrivate;
  NamespaceMode uts = NamespaceMode::kPrivate;
  NamespaceMode net = NamespaceMode::kPrivate;  // without attachments: loopback only
  NamespaceMode cgroup = NamespaceMode::kPrivate;
  IpcSharing ipc_sharing = IpcSharing::kPrivate;
  std::string pid_container;  // kJoined: the ids of the containers whose they are; of the network's
  std::string ipc_container;  // in NetworkConfig
  std::string uts_container;

  bool operator==(const NamespaceModes&) const = default;
};

// A network that the container is on.
struct NetworkAttachment {
  std::string network;               // its name
  std::string address;               // --ip; empty: a free one at each start
  std::string address6;              // --ip6
  std::string mac;                   // --mac-address; empty: made of the address
  std::vector<std::string> aliases;  // what the other members may call it besides its names

  bool operator==(const NetworkAttachment&) const = default;
};

// A port of the container's, published on the host: -p, and what -P makes of the exposed ones.
struct PortBinding {
  std::string host_address;     // empty: any, of both families
  uint16_t host_port = 0;       // 0: a free one at each start
  uint16_t host_port_last = 0;  // above host_port: the first of the range that is free
  uint16_t container_port = 0;
  std::string protocol = "tcp";  // udp, sctp

  bool operator==(const PortBinding&) const = default;
};

struct NetworkConfig {
  std::vector<NetworkAttachment> attachments;  // kPrivate; net/ says which has the default route
  std::vector<PortBinding> ports;
  bool publish_all = false;  // -P, for inspect
  std::string container;     // kJoined: the id of the container whose namespace it is
  std::string path;          // kJoined: or where it is
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> extra_hosts;  // "NAME:ADDRESS", or "NAME:host-gateway"
  bool no_hosts = false;                 // /etc/hosts is the image's

  bool HasDns() const { return !dns.empty() || !dns_search.empty() || !dns_options.empty(); }
  bool operator==(const NetworkConfig&) const = default;
};

enum class SeccompMode { kDefault, kUnconfined, kProfile };

struct SeccompChoice {
  SeccompMode mode = SeccompMode::kDefault;
  std::string profile;  // kProfile: the JSON text, read when the container was created

  bool operator==(const SeccompChoice&) const = default;
};

// Which image the root comes from.
struct ImageIdentity {
  std::string reference;               // as the user typed it
  std::string name;                    // normalised, "docker.io/library/busybox:latest"
  std::string id;                      // config digest, hex
  std::string digest;                  // manifest digest, "sha256:..."; empty when unknown
  std::vector<std::string> chain_ids;  // hex, lowest layer first
  std::vector<std::string> volumes;    // what its config declares; `mounts` says what became of it

  bool operator==(const ImageIdentity&) const = default;
};

// A directory of the host as the root, instead of an image's layers.
struct RootDirectory {
  std::string path;      // absolute; empty: the root comes from the image
  bool overlay = false;  // it is the lower layer of an overlay; otherwise it is written itself

  bool operator==(const RootDirectory&) const = default;
};

// What its creator connects to in the foreground: all false when it was made to run detached.
struct AttachedStreams {
  bool in = false;
  bool out = false;
  bool err = false;

  bool operator==(const AttachedStreams&) const = default;
};

enum class RestartMode { kNo, kOnFailure, kAlways, kUnlessStopped };
std::string_view ToString(RestartMode mode);  // "no", "on-failure", "always", "unless-stopped"

// --restart. What it means: core/state/restart_state.h.
struct RestartPolicy {
  RestartMode mode = RestartMode::kNo;
  int64_t max_retries = 0;  // kOnFailure: 0 is as often as it takes

  bool operator==(const RestartPolicy&) const = default;
};

// What options said, where the rest of the config has only what became of it: for inspect.
struct GivenOptions {
  std::vector<std::string> binds;  // -v SOURCE:TARGET[:OPTIONS], a relative SOURCE made absolute
  std::vector<std::string> volumes_from;
  std::vector<std::string> devices;  // --device, without CDI's
  std::vector<std::string> device_cgroup_rules;
  std::vector<std::string> cdi_devices;  // of --device and --gpus

  bool operator==(const GivenOptions&) const = default;
};

// --sdnotify: who tells a service manager that waits for it (NOTIFY_SOCKET) that it is ready.
enum class NotifyMode {
  kConmon,     // hoy, as podman's conmon does, when the program runs
  kContainer,  // the program itself: it gets the socket
  kIgnore,
};

struct ContainerConfig {
  ProcessConfig process;
  ImageIdentity image;
  RootDirectory rootfs;
  std::vector<std::string> entrypoint;  // the two halves of process.args, for inspect
  std::vector<std::string> command;
  std::string hostname;  // empty with a host uts namespace: left alone; of a joined one what it was
                         // when this container was made
  std::string domainname;  // empty: left alone
  std::string timezone;  // "Europe/Berlin", or "local": the host's at each start; empty: left alone
  AttachedStreams attached;
  bool init = false;  // a built-in reaper is pid 1 and the process its child
  bool readonly_rootfs = false;
  bool privileged = false;
  // What --cap-add and --cap-drop asked for, "CAP_CHOWN" or "ALL", for inspect: what became of it
  // is in `process`.
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  std::vector<DeviceRule> device_rules;     // empty: the device cgroup is not touched; otherwise
                                            // what no rule allows is denied
  std::vector<std::string> masked_paths;    // those that exist: /dev/null or an empty read-only
                                            // tmpfs over them
  std::vector<std::string> readonly_paths;  // those that exist: bound onto themselves read-only
  StringPairs sysctls;                      // "net.core.somaxconn" -> "1024"
  NamespaceModes namespaces;
  NetworkConfig network;
  SeccompChoice seccomp;
  ResourceLimits limits;
  std::string cgroup_parent;
  int64_t shm_size = 64 << 20;  // bytes
  int64_t storage_size = 0;  // --storage-opt size=: what its upper directory may take; 0: no limit
  int stop_signal = 15;
  int64_t stop_timeout_seconds = 10;  // -1: waits for ever
  int64_t timeout_seconds = 0;        // --timeout: killed after that long; 0: never
  int64_t sync_interval_ns = 0;       // S3 volumes are written back so often; 0: at the end alone
  std::string pid_file;               // absolute host path to write init's pid to, or empty
  std::string cid_file;               // where its id was written, for inspect
  bool auto_remove = false;
  RestartPolicy restart;
  LogConfig log;
  std::optional<HealthCheck> health;
  NotifyMode notify = NotifyMode::kConmon;
  std::vector<std::string> exposed_ports;  // "80/tcp": the image's and --expose's, sorted
  StringPairs labels;
  StringPairs annotations;
  std::vector<Hook> hooks;
  GivenOptions given;
  std::vector<std::string> own_variables;  // names in process.env that hoy set by itself
  StringPairs secret_variables;            // name -> number of its file, core/state/secrets.h

  // What is written goes to the container's own directory, not to a directory of the host.
  bool HasUpper() const { return rootfs.path.empty() || rootfs.overlay; }
  bool HasHealthCheck() const { return health && health->Probes(); }

  bool operator==(const ContainerConfig&) const = default;
};

// The record's JSON, an object with "version". Reading accepts unknown and missing fields (the
// missing ones keep their defaults). kCorrupt: not JSON, or a field of the wrong type;
// kUnsupported: written by a newer hoy that says older ones must not read it.
std::string EncodeContainerConfig(const ContainerConfig& config);
Result<ContainerConfig> DecodeContainerConfig(std::string_view json);

}  // namespace hoy::core
