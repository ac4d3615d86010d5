#pragma once
// Starts hoy-monitor with a plan.

#include <array>
#include <string>

#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/init/plan.h"
#include "core/sys/process.h"

namespace hoy::core {

struct SpawnRequest {
  std::string label;                       // argv[1], so that `ps` tells whose monitor it is
  BorrowedFd attach = -1;                  // MonitorFd kAttachFd
  BorrowedFd join = -1;                    // MonitorFd kJoinFd
  BorrowedFd lock = -1;                    // MonitorFd kLockFd
  std::array<int, 3> streams{-1, -1, -1};  // its 0, 1, 2; -1 is /dev/null
};

struct SpawnedMonitor {
  ChildProcess process;
  Fd start;  // the plan goes in, StartMessages come out
};

// The program is executed from a read-only detached mount of its file, so that a container that
// opens /proc/<pid>/exe of a process that has not yet exec'd cannot write to hoy's own binary (the
// attack of CVE-2019-5736); where that cannot be made, from a sealed copy in memory.
Result<SpawnedMonitor> SpawnMonitor(const SpawnRequest& request);

// What it has been waiting for: PlanBuilder::Serialize().
Result<> SendPlan(BorrowedFd start, const std::string& plan);

struct StartReply {
  enum class Kind { kMessage, kEndOfFile };
  Kind kind = Kind::kEndOfFile;
  StartMessage message{};
  Fd terminal;  // with StartMessageKind::kTerminal
};
Result<StartReply> ReceiveStartMessage(BorrowedFd start);

}  // namespace hoy::core
