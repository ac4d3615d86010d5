#include "core/state/health_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFile = "/health.json";
constexpr size_t kMostBytes = 1 << 20;  // five results, each byte of them escaped

std::string RunPath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + std::string(kFile);
}

std::string KeptPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + std::string(kFile);
}

bool InStartPeriod(const HealthCheck& check, const HealthState& state, Timestamp now) {
  return state.status == HealthStatus::kStarting && now - state.started_at < check.StartPeriod();
}

HealthStatus ParseStatus(std::string_view text) {
  for (HealthStatus status : {HealthStatus::kHealthy, HealthStatus::kUnhealthy}) {
    if (text == ToString(status)) return status;
  }
  return HealthStatus::kStarting;
}

std::string Encode(const HealthState& state) {
  Json log = Json::array();
  for (const HealthResult& result : state.log) {
    log.push_back({{"start", result.start},
                   {"end", result.end},
                   {"exit_code", result.exit_code},
                   {"output", result.output}});
  }
  Json json = {{"version", 1},
               {"started_at", state.started_at},
               {"status", ToString(state.status)},
               {"failing_streak", state.failing_streak},
               {"log", std::move(log)}};
  // A probe may print any bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<HealthState> Read(const std::string& path, Timestamp started_at) {
  auto text = ReadFile(path, kMostBytes);
  if (!text) return std::nullopt;
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    HealthState state;
    state.started_at = json.at("started_at").get<Timestamp>();
    if (state.started_at != started_at) return std::nullopt;
    state.status = ParseStatus(json.at("status").get<std::string>());
    state.failing_streak = json.at("failing_streak").get<int64_t>();
    for (const Json& result : json.at("log")) {
      state.log.push_back({.start = result.at("start").get<Timestamp>(),
                           .end = result.at("end").get<Timestamp>(),
                           .exit_code = result.at("exit_code").get<int>(),
                           .output = result.at("output").get<std::string>()});
    }
    return state;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string_view ToString(HealthStatus status) {
  switch (status) {
    case HealthStatus::kNone: return "none";
    case HealthStatus::kStarting: return "starting";
    case HealthStatus::kHealthy: return "healthy";
    case HealthStatus::kUnhealthy: return "unhealthy";
  }
  return "none";
}

HealthState AfterProbe(const HealthCheck& check, HealthState before, HealthResult result) {
  HealthState after = std::move(before);
  if (result.exit_code == 0) {
    after.failing_streak = 0;
    after.status = HealthStatus::kHealthy;
  } else if (!InStartPeriod(check, after, result.start)) {
    ++after.failing_streak;
    if (after.failing_streak >= check.Retries()) after.status = HealthStatus::kUnhealthy;
  }
  after.log.push_back(std::move(result));
  if (after.log.size() > kKeptHealthResults) {
    after.log.erase(after.log.begin(), after.log.end() - kKeptHealthResults);
  }
  return after;
}

int64_t ProbePeriod(const HealthCheck& check, const HealthState& state, Timestamp now) {
  return InStartPeriod(check, state, now) ? check.StartInterval() : check.Interval();
}

int64_t NextProbeIn(const HealthCheck& check, const HealthState& state, Timestamp now) {
  Timestamp last = state.log.empty() ? state.started_at : state.log.back().end;
  int64_t period = ProbePeriod(check, state, now);
  return std::clamp<int64_t>(period - (now - last), 0, period);
}

HealthAction ActionAfter(const HealthCheck& check, const HealthState& state) {
  bool failed = !state.log.empty() && state.log.back().exit_code != 0;
  return failed && state.status == HealthStatus::kUnhealthy ? check.on_failure
                                                            : HealthAction::kNone;
}

void ProbeOutput::Add(std::string_view bytes) {
  std::string_view fits = bytes.substr(0, kMost - text_.size());
  text_ += fits;
  if (fits.size() < bytes.size()) cut_ = true;
}

HealthState ReadHealth(const Layout& layout, std::string_view id, Timestamp started_at) {
  HealthState fresh;
  fresh.started_at = started_at;
  return Read(RunPath(layout, id), started_at).value_or(std::move(fresh));
}

Result<> WriteHealth(const Layout& layout, std::string_view id, const HealthState& state) {
  return WriteFileAtomically(RunPath(layout, id), Encode(state), Durability::kVolatile);
}

Result<> KeepHealth(const Layout& layout, std::string_view id, Timestamp started_at) {
  auto state = Read(RunPath(layout, id), started_at);
  if (!state) return {};
  return WriteFileAtomically(KeptPath(layout, id), Encode(*state), Durability::kVolatile);
}

std::optional<HealthState> ReadKeptHealth(const Layout& layout, std::string_view id,
                                          Timestamp started_at) {
  return Read(KeptPath(layout, id), started_at);
}

}  // namespace hoy::core
