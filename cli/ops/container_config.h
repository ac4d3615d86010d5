#pragma once
// From what was typed to what is run. Deciding is pure (BuildContainerConfig); the little that must
// be read from the host first is gathered as data (GatherHostFacts).

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "oci/image/image_config.h"

namespace hoy::cli {

struct RlimitPair {
  uint64_t soft = UINT64_MAX;
  uint64_t hard = UINT64_MAX;
};

// What the host says, and the files that the options name.
struct HostFacts {
  std::vector<std::string> env;  // "NAME=value"
  std::string cwd = "/";
  std::array<RlimitPair, 16> rlimits;  // by RLIMIT_* number
  bool can_raise_rlimits = true;       // CAP_SYS_RESOURCE is effective
  uint64_t bounding_capabilities = ~uint64_t{0};
  int last_capability = 40;  // /proc/sys/kernel/cap_last_cap
  unsigned processors = 1;   // online

  std::map<std::string, std::string> texts;  // env files, label files, seccomp profiles: path as
                                             // typed -> content
  std::map<std::string, bool> sources;       // bind sources, absolute -> is a directory
  std::map<std::string, std::vector<core::Device>> devices;  // --device host path -> nodes; `path`
                                                             // holds the path below it ("" for
                                                             // itself)
  std::vector<core::Device> all_devices;                     // filled for --privileged only
};

// Reads what `options` names. kNotFound/kPermission/kInvalidArgument: a file, bind source or device
// that is missing or cannot be read, with the flag in the message.
Result<HostFacts> GatherHostFacts(const RunOptions& options);

struct BuiltConfig {
  core::ContainerConfig config;
  std::vector<std::string> warnings;  // what could not be given as asked; for stderr, once
};

// `id` is the container's 64 hex digits (the default host name is its first 12). `image` fields of
// the result are left for the caller, except volumes. Errors are kInvalidArgument and name the
// flag.
Result<BuiltConfig> BuildContainerConfig(const RunOptions& options,
                                         const oci::ImageRunConfig& image, const HostFacts& host,
                                         std::string_view id);

}  // namespace hoy::cli
