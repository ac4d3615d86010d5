#pragma once
// Descriptors that hoy was started with and hands on to a container's process: --preserve-fds, and
// the sockets of sd_listen_fds(3).

#include <string>
#include <vector>

#include "cli/ui/context.h"
#include "core/base/result.h"
#include "core/state/container_record.h"

namespace hoy::cli {

struct PassedFds {
  std::vector<int> fds;  // 3, 4, ...
  bool listening = false;
  std::string names;  // LISTEN_FDNAMES
};

// `flag` is the value of --preserve-fds; empty: not given, and what LISTEN_FDS and LISTEN_PID say
// holds. To be called before hoy opens anything that outlives its own exec. kInvalidArgument: not a
// number, or one of these descriptors is not open.
Result<PassedFds> ChoosePassedFds(Context& context, const std::string& flag);

// LISTEN_* as the container's process is to see them; none unless `passed.listening`. In the host's
// PID namespace its number is not known beforehand, so LISTEN_PID is missing there.
std::vector<std::string> ListenVariables(const PassedFds& passed,
                                         const core::ContainerRecord& record);

// Once the process has them, nobody else may keep them open.
void ClosePassedFds(PassedFds& passed);

}  // namespace hoy::cli
