#include "core/state/restart_state.h"

#include <errno.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr int64_t kFirstDelayMs = 100;
constexpr int64_t kLongestDelayMs = 60'000;
constexpr Timestamp kGoodRun = 10 * kSecond;

std::string PathOf(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/restart.json";
}

bool MayRetry(const RestartPolicy& policy, const RestartState& state, const ExitRecord& exit) {
  return exit.exit_code != 0 && (policy.max_retries == 0 || state.count < policy.max_retries);
}

}  // namespace

Result<RestartState> ReadRestartState(const Layout& layout, std::string_view id) {
  RestartState state;
  auto text = ReadFile(PathOf(layout, id), 64 << 10);
  if (!text) {
    if (text.error().system_errno == ENOENT) return state;
    return Fail(std::move(text).error());
  }
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return state;
  try {
    state.count = json.value("count", int64_t{0});
    state.delay_ms = json.value("delay_ms", int64_t{0});
    state.stopped = json.value("stopped", false);
    if (json.contains("due")) {
      state.pending = PendingRestart{
          {json.value("restarter_pid", 0), json.value("restarter_start_time", uint64_t{0}),
           json.value("boot_id", std::string())},
          json.value("due", Timestamp{0})};
    }
  } catch (const Json::exception&) {
    return RestartState{};
  }
  return state;
}

Result<> WriteRestartState(const Layout& layout, std::string_view id, const RestartState& state) {
  Json json = {{"version", 1},
               {"count", state.count},
               {"delay_ms", state.delay_ms},
               {"stopped", state.stopped}};
  if (state.pending) {
    json["due"] = state.pending->due;
    json["restarter_pid"] = state.pending->restarter.pid;
    json["restarter_start_time"] = state.pending->restarter.start_time;
    json["boot_id"] = state.pending->restarter.boot_id;
  }
  // That a person stopped it has to survive a power cut; a restart that is pending need not.
  return WriteFileAtomically(PathOf(layout, id), json.dump() + "\n",
                             state.stopped ? Durability::kDurable : Durability::kVolatile);
}

Result<> RemoveRestartState(const Layout& layout, std::string_view id) {
  return Unlink(PathOf(layout, id));
}

std::optional<RestartState> NextRestart(const RestartPolicy& policy, const RestartState& before,
                                        const ExitRecord& exit) {
  if (before.stopped || policy.mode == RestartMode::kNo) return std::nullopt;
  // A clean-up that was killed had decided already: the same restart is not counted twice.
  Timestamp ended = std::max(exit.finished_at, exit.started_at);
  if (before.pending && before.pending->due >= ended) return before;
  if (policy.mode == RestartMode::kOnFailure && !MayRetry(policy, before, exit)) {
    return std::nullopt;
  }
  RestartState next;
  next.count = before.count + 1;
  bool was_good = exit.started_at != 0 && exit.finished_at - exit.started_at >= kGoodRun;
  next.delay_ms = was_good || before.delay_ms == 0 ? kFirstDelayMs
                                                   : std::min(before.delay_ms * 2, kLongestDelayMs);
  return next;
}

bool IsToBeRestored(const RestartPolicy& policy, const RestartState& state,
                    const ExitRecord& exit) {
  switch (policy.mode) {
    case RestartMode::kNo: return false;
    case RestartMode::kOnFailure: return !state.stopped && MayRetry(policy, state, exit);
    case RestartMode::kAlways: return true;
    case RestartMode::kUnlessStopped: return !state.stopped;
  }
  return false;
}

}  // namespace hoy::core
