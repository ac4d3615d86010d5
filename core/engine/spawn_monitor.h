#pragma once
// Starts hoy-monitor, which then waits for its plans.

#include <array>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/engine/start_channel.h"
#include "core/sys/process.h"

namespace hoy::core {

struct SpawnRequest {
  std::string label;                       // argv[1], so that `ps` tells whose monitor it is
  BorrowedFd attach = -1;                  // MonitorFd kAttachFd
  BorrowedFd join = -1;                    // MonitorFd kJoinFd
  BorrowedFd lock = -1;                    // MonitorFd kLockFd
  std::array<int, 3> streams{-1, -1, -1};  // its 0, 1, 2; -1 is /dev/null
  pid_t sibling = 0;  // a monitor that runs already; the new one may share its detached mount
};

struct SpawnedMonitor {
  ChildProcess process;
  StartChannel channel;
  // Its own file. The last close of that detached mount waits for an RCU grace period: best done
  // when the container runs already.
  Fd program;
};

// The program is executed from a read-only detached mount of its file, so that a container that
// opens /proc/<pid>/exe of a process that has not yet exec'd cannot write to hoy's own binary (the
// attack of CVE-2019-5736); where that cannot be made, from a sealed copy in memory.
Result<SpawnedMonitor> SpawnMonitor(const SpawnRequest& request);

}  // namespace hoy::core
