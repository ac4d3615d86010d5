#pragma once
// How the monitor comes by the container's init: it clones it and lets it into its plan, or adopts
// one whose monitor was lost. Each of these ends the monitor, and tells hoy why, when it fails.

#include <sys/types.h>

#include <cstdint>

#include "core/init/interpreter.h"
#include "core/init/plan_view.h"
#include "core/monitor/keeper.h"
#include "core/monitor/log_writer.h"
#include "core/monitor/pump.h"
#include "core/monitor/run_helper.h"

namespace hoy::core {

struct Monitor {
  PlanView plan;  // kStart or kAdopt
  ChildContext child;
  Pump::Descriptors streams;
  LogWriter log;
  ArgumentVector packer;
  pid_t pid = 0;
  int pidfd = -1;
  int status_fd = -1;   // our end of the child's status socket
  int release_fd = -1;  // our end of the child's release pipe
  int state_fd = -1;
  int first_state_fd = -1;  // of the init that was followed: who has opened that waits there
  bool followed = false;    // the init has been followed by the process that it forked
  bool never_ran = false;   // it ended before its program ran
  bool abandoned = false;   // hoy is gone: it has been killed
  int64_t heard_by = 0;     // when the patience with it ends, monotonic; 0: never
  int64_t started_at = 0;
  uint64_t oom_kills_before = 0;
  Keeper keeper;         // of the pty, when it is our child
  char* name = nullptr;  // argv[0]

  explicit Monitor(const char* plans) : plan(plans) { child.plans = plans; }
  const PlanHeader& header() const { return plan.header(); }
};

// False: hoy is not there to hear it.
bool Tell(const StartMessage& message);
[[noreturn]] void GiveUp(SetupStage stage, int error);

// Clones the init, which carries out what goes ahead and then waits.
void CloneInit(Monitor& m, const PlanView& ahead);

// Lets the init into its plan. The state is on disk before the container's process may pass its
// last kAwaitRelease.
void StartInit(Monitor& m);

// True: the init has exec'd, or, with PlanHeader::forks, the one that followed it, which is m.pid
// then; or it was killed before (never_ran). False: it failed, and has been killed; *told: hoy is
// there, and has heard of it.
bool AwaitExec(Monitor& m, bool* told);

void AdoptInit(Monitor& m);

}  // namespace hoy::core
