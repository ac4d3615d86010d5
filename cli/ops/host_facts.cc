#include "cli/ops/host_facts.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "cli/ops/limit_options.h"
#include "cli/ops/mount_options.h"
#include "cli/ops/option_values.h"
#include "cli/ops/path_pattern.h"
#include "core/rootfs/propagation.h"
#include "core/seccomp/capabilities.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

constexpr size_t kMaxTextFile = 4 << 20;  // bytes of an env file, label file or seccomp profile

uint64_t EffectiveCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return static_cast<uint64_t>(data[1].effective) << 32 | data[0].effective;
}

void ReadProcessFacts(HostFacts& facts) {
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    facts.env.emplace_back(*variable);
  }
  char path[PATH_MAX];
  // Of a directory that was removed: what is relative to that is in no other one.
  facts.cwd = getcwd(path, sizeof path) != nullptr ? path : "/proc/self/cwd";
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) facts.hostname = name;
  for (size_t i = 0; i < facts.rlimits.size(); ++i) {
    rlimit limit{};
    if (getrlimit(static_cast<__rlimit_resource>(i), &limit) != 0) continue;
    facts.rlimits[i] = {limit.rlim_cur, limit.rlim_max};
  }
  facts.can_raise_rlimits = (EffectiveCapabilities() >> CAP_SYS_RESOURCE & 1) != 0;
  facts.capabilities = core::AvailableCapabilities().bits;
}

Result<> ReadText(std::string_view flag, const std::string& path, HostFacts& facts) {
  auto text = core::ReadFile(path, kMaxTextFile);
  if (!text) return Fail(std::move(text).error().InContext(flag));
  facts.texts[path] = *std::move(text);
  return {};
}

Result<> CheckSource(const core::Mount& mount, HostFacts& facts) {
  if (mount.kind != core::MountKind::kBind || mount.volume || mount.image) return {};
  struct stat status{};
  if (stat(mount.source.c_str(), &status) != 0) {
    int stat_errno = errno;
    if (stat_errno == ENOENT && core::Exists(mount.source)) {
      return Fail(MakeError(ErrorKind::kNotFound,
                            fmt::format("bind source '{}': it is a symlink to what is not there",
                                        mount.source))
                      .WithHint(fmt::format("see readlink -f '{}'", mount.source)));
    }
    if (stat_errno == ENOENT && mount.create_source) {
      facts.sources[mount.source] = true;
      return {};
    }
    Error error = SystemError("bind source", mount.source, stat_errno);
    if (stat_errno == ENOENT) {
      error.hint = fmt::format("create it first: mkdir -p '{}'", mount.source);
    } else if (stat_errno == ENOTDIR) {
      error.hint = "a part of the path is a file";
    }
    return Fail(std::move(error));
  }
  facts.sources[mount.source] = S_ISDIR(status.st_mode);
  return core::CheckPropagation(mount);
}

Result<> FindGlob(core::Mount mount, const std::string& text, HostFacts& facts) {
  std::vector<std::string> paths = FindPaths(mount.source);
  if (paths.empty()) {
    return Fail(ErrorKind::kNotFound, "nothing is like '{}'", mount.source);
  }
  for (const std::string& path : paths) {
    mount.source = path;
    TRY(CheckSource(mount, facts));
  }
  facts.globs[text] = std::move(paths);
  return {};
}

core::Device ToDevice(const std::string& host_path, std::string path, const struct stat& status) {
  return {.path = std::move(path),
          .host_path = host_path,
          .type = S_ISBLK(status.st_mode) ? 'b' : 'c',
          .major = major(status.st_rdev),
          .minor = minor(status.st_rdev),
          .mode = status.st_mode & 0777,
          .uid = status.st_uid,
          .gid = status.st_gid};
}

// The device nodes below a directory. What is mounted separately below /dev is not the host's
// hardware.
void CollectDevices(const std::string& directory, const std::string& below,
                    std::vector<core::Device>& devices) {
  constexpr int kMaxDepth = 6;
  if (std::ranges::count(below, '/') > kMaxDepth) return;
  auto names = core::ListDirectory(directory + below);
  if (!names) return;
  for (const std::string& name : *names) {
    std::string path = below + "/" + name;
    std::string host_path = directory + path;
    if (host_path == "/dev/pts" || host_path == "/dev/shm" || host_path == "/dev/mqueue" ||
        host_path == "/dev/fd" || host_path == "/dev/console") {
      continue;
    }
    struct stat status{};
    if (lstat(host_path.c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      CollectDevices(directory, path, devices);
    } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      devices.push_back(ToDevice(host_path, path, status));
    }
  }
}

// The overlay's own mark, DIR:O, is no part of the path.
Result<> FindRootDirectory(const std::string& typed, HostFacts& facts) {
  std::string path(RootDirectoryOf(typed).path);
  std::array<char, PATH_MAX> resolved{};
  if (realpath(path.c_str(), resolved.data()) == nullptr) return FailErrno("--rootfs", path);
  facts.rootfs = resolved.data();
  struct stat status{};
  if (stat(resolved.data(), &status) != 0) return FailErrno("--rootfs", path);
  if (!S_ISDIR(status.st_mode)) return FailErrno("--rootfs", path, ENOTDIR);
  return {};
}

Result<> ReadDevice(const std::string& option, HostFacts& facts) {
  TRY(DeviceOption device, ParseDevice(option));
  struct stat status{};
  if (stat(device.host.c_str(), &status) != 0) return FailErrno("--device", device.host);
  std::vector<core::Device>& nodes = facts.devices[device.host];
  nodes.clear();
  if (S_ISDIR(status.st_mode)) {
    CollectDevices(device.host, "", nodes);
  } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    nodes.push_back(ToDevice(device.host, "", status));
  }
  if (nodes.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "--device '{}': not a device", device.host);
  }
  return {};
}

// What the files leave open of a node, the host's node says.
Result<> ReadCdiNode(const CdiNode& node, HostFacts& facts) {
  struct stat status{};
  bool known = node.type && node.major && node.minor;
  bool found = stat(node.host_path.c_str(), &status) == 0 &&
               (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode));
  if (!found && !known) return FailErrno("CDI device node", node.host_path, errno);
  core::Device device{.path = "", .host_path = node.host_path, .mode = 0666};
  if (found) device = ToDevice(node.host_path, "", status);
  if (known) {
    device.type = *node.type == 'b' ? 'b' : 'c';
    device.major = *node.major;
    device.minor = *node.minor;
  }
  device.mode = node.mode.value_or(device.mode) & 0777;
  device.uid = node.uid.value_or(device.uid);
  device.gid = node.gid.value_or(device.gid);
  facts.devices[node.host_path] = {std::move(device)};
  return {};
}

Result<> FindCdi(const RunOptions& options, HostFacts& facts) {
  std::vector<std::string> names;
  std::ranges::copy_if(options.device, std::back_inserter(names), IsCdiName);
  std::string flag = "--device";
  if (!options.gpus.empty()) {
    TRY(std::vector<std::string> gpus, ParseGpus(options.gpus));
    names.insert(names.end(), gpus.begin(), gpus.end());
    if (names.size() == gpus.size()) flag = "--gpus";
  }
  if (names.empty()) return {};
  TRY_CONTEXT_SET(facts.cdi, FindCdiDevices(names, CdiDirectories()), "{}", flag);
  for (const CdiNode& node : facts.cdi.nodes) TRY(ReadCdiNode(node, facts));
  for (const CdiMount& item : facts.cdi.mounts) {
    TRY_CONTEXT_SET(core::Mount mount, ToMount(item), "{}", flag);
    TRY_CONTEXT(CheckSource(mount, facts), "{}", flag);
  }
  return {};
}

Result<> ReadThrottledDevice(std::string_view flag, const std::string& option, HostFacts& facts) {
  TRY(std::string path, ThrottledDevice(flag, option));
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return FailErrno(flag, path);
  if (!S_ISBLK(status.st_mode)) {
    return Fail(ErrorKind::kInvalidArgument, "{} '{}': not a block device", flag, path);
  }
  facts.block_devices[path] = ToDevice(path, path, status);
  return {};
}

}  // namespace

Result<HostFacts> GatherHostFacts(const RunOptions& options) {
  HostFacts facts;
  ReadProcessFacts(facts);
  if (!options.cpus.empty() || !options.cpuset_cpus.empty() || !options.cpuset_mems.empty()) {
    facts.topology = core::ReadCpuTopology();
  }
  if (options.rootfs) TRY(FindRootDirectory(options.image, facts));
  for (const std::string& path : options.env_file) TRY(ReadText("--env-file", path, facts));
  for (const std::string& path : options.label_file) TRY(ReadText("--label-file", path, facts));
  TRY(SecurityOptions security, ParseSecurityOptions(options.security_opt));
  if (!security.seccomp_file.empty()) {
    TRY(ReadText("--security-opt seccomp", security.seccomp_file, facts));
  }
  for (const std::string& volume : options.volume) {
    TRY(core::Mount mount, ParseVolume(volume, facts.cwd));
    TRY_CONTEXT(CheckSource(mount, facts), "-v '{}'", volume);
  }
  for (const std::string& text : options.mount) {
    TRY(core::Mount mount, ParseMount(text, facts.cwd));
    TRY_CONTEXT(IsGlob(text) ? FindGlob(mount, text, facts) : CheckSource(mount, facts),
                "--mount '{}'", text);
  }
  for (const std::string& device : options.device) {
    if (!IsCdiName(device)) TRY(ReadDevice(device, facts));
  }
  TRY(FindCdi(options, facts));
  for (const ThrottleOption& option : ThrottleOptions(options)) {
    for (const std::string& text : *option.values) {
      TRY(ReadThrottledDevice(option.flag, text, facts));
    }
  }
  if (options.privileged) CollectDevices("/dev", "", facts.all_devices);
  if (options.ipc == "host") facts.sources["/dev/shm"] = core::Exists("/dev/shm");
  return facts;
}

}  // namespace hoy::cli
