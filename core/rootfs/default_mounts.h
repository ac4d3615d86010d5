#pragma once
// What every container has below /proc, /sys and /dev: runtime-spec config-linux.md "Default
// Filesystems" and "Default Devices", with docker's options. Plain data; core/init makes it.

#include <cstdint>
#include <string>
#include <vector>

#include "core/state/container_config.h"

namespace hoy::core {

struct DefaultMountOptions {
  int64_t shm_size = 64 << 20;   // bytes
  bool writable_kernel = false;  // --privileged: /sys and cgroups are not read-only
  bool shm = true;               // false: --ipc none
  bool host_shm = false;         // --ipc host: the host's /dev/shm
  bool joined_shm = false;       // --ipc container:NAME: that container's
};

// /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup, in mount order.
std::vector<Mount> DefaultMounts(const DefaultMountOptions& options);

// null zero full random urandom tty: devices of memory and terminals, mode 0666.
std::vector<Device> DefaultDevices();

// What /proc and /sys would tell about the host (masked), or let change of it (read-only).
const std::vector<std::string>& DefaultMaskedPaths();
const std::vector<std::string>& DefaultReadonlyPaths();

}  // namespace hoy::core
