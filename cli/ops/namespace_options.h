#pragma once
// --pid, --ipc, --uts and --cgroupns: whose namespaces a container has.

#include <map>
#include <string>

#include "cli/ops/host_facts.h"
#include "cli/ops/run_options.h"
#include "core/base/result.h"
#include "core/state/container_config.h"
#include "core/state/layout.h"

namespace hoy::cli {

// What the flags name by "container:NAME", looked up. kNotFound: there is none, which is named with
// the flag; kInvalidArgument: --replace is to remove that very container.
Result<std::map<std::string, JoinTarget>> FindJoinTargets(const core::Layout& layout,
                                                          const RunOptions& options);

// Pure; `host.join_targets` has what was found.
Result<core::NamespaceModes> ParseNamespaces(const RunOptions& options, const HostFacts& host);

// docker's HostConfig.PidMode, IpcMode and UTSMode: "", "host", "container:ID" and such.
std::string PidModeName(const core::NamespaceModes& modes);
std::string IpcModeName(const core::NamespaceModes& modes);
std::string UtsModeName(const core::NamespaceModes& modes);

}  // namespace hoy::cli
