#pragma once
// What deciding on a container needs to know of the host, gathered as data so that the deciding
// itself is pure.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/ops/cdi.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/cgroup/limits.h"
#include "core/state/container_config.h"

namespace hoy::cli {

struct RlimitPair {
  uint64_t soft = UINT64_MAX;  // UINT64_MAX: unlimited
  uint64_t hard = UINT64_MAX;
};

// A container whose namespaces are to be joined.
struct JoinTarget {
  std::string id;
  std::string hostname;
  core::NamespaceModes namespaces;
};

// What the host says, and the files that the options name.
struct HostFacts {
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd = "/";
  std::string hostname;
  std::array<RlimitPair, 16> rlimits;        // by RLIMIT_* number
  bool can_raise_rlimits = true;             // CAP_SYS_RESOURCE is effective
  uint64_t capabilities = (1ULL << 41) - 1;  // what hoy could give away (AvailableCapabilities)
  core::CpuTopology topology;                // read only when a limit needs it

  std::map<std::string, std::string> texts;  // env files, label files, seccomp profiles: path as
                                             // typed -> content
  std::string rootfs;  // --rootfs: the directory itself, absolute and without symbolic links
  std::map<std::string, bool> sources;  // bind sources, absolute -> is a directory
  // --mount type=glob as typed -> what its pattern finds, sorted
  std::map<std::string, std::vector<std::string>> globs;
  // --volumes-from as typed -> the mounts that such a container was given
  std::map<std::string, std::vector<core::Mount>> mounts_of;
  // "container:NAME" as typed -> that container
  std::map<std::string, JoinTarget> join_targets;
  // --device host path -> its nodes: one, or those of a directory. `path` is what follows the host
  // path ("" for itself, "/controlC0").
  std::map<std::string, std::vector<core::Device>> devices;
  CdiEdits cdi;  // what the CDI devices of --device and --gpus need, their nodes below `devices`
  std::map<std::string, core::Device> block_devices;  // those of --device-read-bps and its kin
  std::vector<core::Device> all_devices;              // of /dev; only for --privileged
};

// Reads what `options` names. kNotFound, kPermission, kInvalidArgument: a file, bind source or
// device that is missing or cannot be used; the message begins with the flag.
Result<HostFacts> GatherHostFacts(const RunOptions& options);

}  // namespace hoy::cli
