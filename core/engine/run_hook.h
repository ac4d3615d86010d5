#pragma once
// One program of core/engine/hooks.h, run to its end.
//
// It leads a process group with what it starts, beside a guard that is a child of ours. The guard
// ends the group when we are gone, and we when its time is over or the container has ended; only
// what is left of a hook that ended in time goes on.

#include <string>

#include "core/base/result.h"
#include "core/state/container_config.h"

namespace hoy::core {

struct HookPlace {
  int init = -1;                  // pidfd of the container's first process, or none
  int64_t seconds_after_end = 0;  // that are left to it when `init` has ended
  std::string mount_point;        // where the container's root goes, for kCreateContainer
  std::string state;              // state.json, its standard input
  bool heeds_signals = false;  // that we block, and that are for us: ended by SIGINT, SIGTERM ...
};

// kSystem: it could not be run, was interrupted, took too long, or ended with something else than
// 0; with the end of what it said.
Result<> RunHook(const Hook& hook, const HookPlace& place);

}  // namespace hoy::core
