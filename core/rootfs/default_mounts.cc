#include "core/rootfs/default_mounts.h"

#include <sys/mount.h>

namespace hoy::core {

std::vector<Mount> DefaultMounts(const DefaultMountOptions& options) {
  constexpr uint64_t kQuiet = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const uint64_t kernel_flags = options.writable_kernel ? kQuiet : kQuiet | MS_RDONLY;
  std::vector<Mount> mounts = {
      {.kind = MountKind::kProc, .source = "proc", .target = "/proc", .flags = kQuiet},
      {.kind = MountKind::kTmpfs,
       .source = "tmpfs",
       .target = "/dev",
       .flags = MS_NOSUID | MS_STRICTATIME,
       .data = "mode=755,size=65536k"},
      {.kind = MountKind::kDevpts,
       .source = "devpts",
       .target = "/dev/pts",
       .flags = MS_NOSUID | MS_NOEXEC,
       .data = "newinstance,ptmxmode=0666,mode=0620,gid=5"},
  };
  if (options.joined_shm) {
    mounts.push_back({.kind = MountKind::kJoinedShm, .target = "/dev/shm"});
  } else if (options.shm && options.host_shm) {
    mounts.push_back(
        {.kind = MountKind::kBind, .source = "/dev/shm", .target = "/dev/shm", .flags = kQuiet});
  } else if (options.shm) {
    mounts.push_back({.kind = MountKind::kTmpfs,
                      .source = "shm",
                      .target = "/dev/shm",
                      .flags = kQuiet,
                      .data = "mode=1777,size=" + std::to_string(options.shm_size)});
  }
  mounts.insert(
      mounts.end(),
      {{.kind = MountKind::kMqueue, .source = "mqueue", .target = "/dev/mqueue", .flags = kQuiet},
       {.kind = MountKind::kSysfs, .source = "sysfs", .target = "/sys", .flags = kernel_flags},
       {.kind = MountKind::kCgroup,
        .source = "cgroup",
        .target = "/sys/fs/cgroup",
        .flags = kernel_flags}});
  return mounts;
}

std::vector<Device> DefaultDevices() {
  // Numbers: Documentation/admin-guide/devices.txt.
  auto device = [](std::string path, uint32_t major, uint32_t minor) {
    return Device{.path = path, .host_path = path, .type = 'c', .major = major, .minor = minor};
  };
  return {device("/dev/null", 1, 3),   device("/dev/zero", 1, 5),    device("/dev/full", 1, 7),
          device("/dev/random", 1, 8), device("/dev/urandom", 1, 9), device("/dev/tty", 5, 0)};
}

const std::vector<std::string>& DefaultMaskedPaths() {
  static const std::vector<std::string> paths = {
      "/proc/acpi",        "/proc/asound",  "/proc/interrupts",
      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
      "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"};
  return paths;
}

const std::vector<std::string>& DefaultReadonlyPaths() {
  static const std::vector<std::string> paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};
  return paths;
}

}  // namespace hoy::core
