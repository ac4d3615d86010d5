#pragma once
// Which verb may be used on a container in which state: one table, in state_rules.cc. The verbs ask
// it right after Heal, so that all of them refuse in the same words. The others only read what is
// kept of a container (wait, logs, inspect, ps, port, diff, events), whatever its state is.

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/engine/container_state.h"
#include "core/state/layout.h"

namespace hoy::core {

enum class Verb {
  kStart,
  kStop,
  kRestart,
  kKill,
  kPause,
  kUnpause,
  kRemove,
  kForceRemove,
  kExec,
  kAttach,
  kTop,
  kRename,
  kUpdate,
  kCopy,
  kExport,
  kCommit,
  kStats,
};
inline constexpr int kVerbs = 17;

enum class Answer {
  kGo,
  kNothingToDo,  // what the verb is for holds already: success
  kAwait,        // a start is being decided: wait for the lock, then ask again (Heal does both)
  kRefuse,
};
Answer RuleFor(Verb verb, ContainerState state);

// True: go ahead. False: nothing to do. kConflict, with what is wrong and what would help: the
// state forbids it. `shown` is how the container is called in the message.
Result<bool> Permit(Verb verb, ContainerState state, std::string_view shown);
// The same, and its name is looked up when it is needed.
Result<bool> Permit(Verb verb, ContainerState state, const Layout& layout, std::string_view id);

// What a message calls it: its name, or its id where its record does not tell.
std::string ShownName(const Layout& layout, std::string_view id);

}  // namespace hoy::core
