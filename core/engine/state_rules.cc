#include "core/engine/state_rules.h"

#include <array>

#include "core/state/container_id.h"
#include "core/state/container_record.h"

namespace hoy::core {
namespace {

// g: go   -: nothing to do   w: wait until it is decided   n: refused
//
// As docker has it, but that a start ends the back-off of a restarting container, and that top
// reads a paused one.
//
// Columns, in the order of ContainerState:
//   created initializing running paused stopping restarting exited failed removing
constexpr std::array<std::string_view, kVerbs> kRules = {
    "gw-n-gggn",  // start
    "-wgggg--n",  // stop
    "gwggggggn",  // restart
    "nwggggnnn",  // kill
    "nwgngnnnn",  // pause
    "nwngnnnnn",  // unpause
    "gwnnnnggn",  // rm
    "gggggggg-",  // rm --force
    "nwgngnnnn",  // exec
    "nwgngnnnn",  // attach
    "nwgggnnnn",  // top
    "gwggggggn",  // rename
    "gwggggggn",  // update
    "gwggggggn",  // cp
    "gwggggggn",  // export
    "gwggggggn",  // commit
    "gggggggg-",  // stats
};

constexpr std::array<std::string_view, kVerbs> kNames = {
    "start",  "stop", "restart", "kill",   "pause", "unpause", "rm",     "rm",   "exec",
    "attach", "top",  "rename",  "update", "cp",    "export",  "commit", "stats"};

std::string_view Complaint(Verb verb, ContainerState state) {
  switch (state) {
    case ContainerState::kRemoving: return "is being removed";
    case ContainerState::kRestarting: return "is restarting";
    case ContainerState::kPaused:
      if (verb == Verb::kPause) return "is paused already";
      return "is paused";
    case ContainerState::kRunning:
    case ContainerState::kStopping:
    case ContainerState::kInitializing:
      if (verb == Verb::kUnpause) return "is not paused";
      return state == ContainerState::kStopping ? "is stopping" : "is running";
    case ContainerState::kCreated:
    case ContainerState::kExited:
    case ContainerState::kFailed: break;
  }
  return verb == Verb::kUnpause ? "is not paused" : "is not running";
}

std::string Hint(Verb verb, ContainerState state, std::string_view shown) {
  if (state == ContainerState::kRemoving) return {};
  if (verb == Verb::kRemove) {
    return state == ContainerState::kRestarting ? "stop it first, or use --force: both end that"
                                                : "stop it first, or use --force";
  }
  if (state == ContainerState::kPaused && verb != Verb::kPause) {
    return fmt::format("hoy unpause {}", shown);
  }
  if (state == ContainerState::kRestarting) {
    return fmt::format("wait until it runs: hoy wait --condition running {}", shown);
  }
  bool wants_it_up = verb == Verb::kExec || verb == Verb::kAttach || verb == Verb::kTop;
  return wants_it_up && IsDown(state) ? fmt::format("hoy start {}", shown) : std::string();
}

}  // namespace

std::string ShownName(const Layout& layout, std::string_view id) {
  auto summary = ReadSummary(layout, id);
  return summary && !summary->name.empty() ? summary->name : std::string(ShortId(id));
}

Result<bool> Permit(Verb verb, ContainerState state, const Layout& layout, std::string_view id) {
  if (RuleFor(verb, state) != Answer::kRefuse) return Permit(verb, state, "");
  return Permit(verb, state, ShownName(layout, id));
}

Answer RuleFor(Verb verb, ContainerState state) {
  switch (kRules[static_cast<size_t>(verb)][static_cast<size_t>(state)]) {
    case 'g': return Answer::kGo;
    case '-': return Answer::kNothingToDo;
    case 'w': return Answer::kAwait;
    default: return Answer::kRefuse;
  }
}

Result<bool> Permit(Verb verb, ContainerState state, std::string_view shown) {
  switch (RuleFor(verb, state)) {
    case Answer::kGo:
    case Answer::kAwait: return true;  // who holds the lock, or will, is asked by Heal
    case Answer::kNothingToDo: return false;
    case Answer::kRefuse: break;
  }
  Error error = MakeError(ErrorKind::kConflict,
                          fmt::format("container {} {}", shown, Complaint(verb, state)));
  error.stage = kNames[static_cast<size_t>(verb)];
  error.subject = shown;
  error.hint = Hint(verb, state, shown);
  return Fail(std::move(error));
}

}  // namespace hoy::core
