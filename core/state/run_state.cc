#include "core/state/run_state.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

Result<Json> ParseObject(std::string_view text, std::string_view what) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Fail(ErrorKind::kCorrupt, "{}: not a JSON object", what);
  return json;
}

template <typename T>
T Get(const Json& json, const char* name, T fallback) {
  auto field = json.find(name);
  if (field == json.end()) return fallback;
  if constexpr (std::is_same_v<T, bool>) {
    return field->is_boolean() ? field->get<bool>() : fallback;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return field->is_number() ? field->get<T>() : fallback;
  } else {
    return field->is_string() ? field->get<T>() : fallback;
  }
}

ExitRecord ExitFrom(const Json& json) {
  ExitRecord record;
  record.known = Get(json, "known", true);
  record.exit_code = record.known ? Get(json, "exit_code", 0) : kUnknownExitCode;
  record.signal = Get(json, "signal", 0);
  record.core_dumped = Get(json, "core_dumped", false);
  record.oom_killed = Get(json, "oom_killed", false);
  record.timed_out = Get(json, "timed_out", false);
  record.started_at = Get(json, "started_at", Timestamp{0});
  record.finished_at = Get(json, "finished_at", Timestamp{0});
  record.user_cpu_us = Get(json, "user_cpu_us", int64_t{0});
  record.system_cpu_us = Get(json, "system_cpu_us", int64_t{0});
  record.max_rss_kib = Get(json, "max_rss_kib", int64_t{0});
  record.log_lost = Get(json, "log_lost", int64_t{0});
  record.log_lost_unmarked = Get(json, "log_lost_unmarked", int64_t{0});
  record.error = Get(json, "error", std::string());
  return record;
}

bool IsMissing(const Error& error) {
  return error.system_errno == ENOENT;
}

}  // namespace

std::string StatePath(const Layout& layout, std::string_view id) {
  return layout.RunContainer(id) + "/state.json";
}

std::string ExitPath(const Layout& layout, std::string_view id) {
  return layout.Container(id) + "/exit.json";
}

LogLossNote ReadLogLoss(const Layout& layout, std::string_view id) {
  LogLossNote loss;
  auto text = ReadFile(layout.RunContainer(id) + "/log-lost", 4096);
  if (!text) return loss;
  auto [first, rest] = CutAt(CutAt(*text, '\n').before, ' ');
  loss.bytes = ParseInteger<uint64_t>(first).value_or(0);
  loss.unmarked = ParseInteger<uint64_t>(rest.value_or("")).value_or(0);
  return loss;
}

Result<RunState> DecodeRunState(std::string_view text) {
  auto [first, rest] = CutAt(text, '\n');
  TRY(Json json, ParseObject(first, "state.json"));
  RunState state;
  state.init = {Get(json, "pid", 0), Get(json, "start_time", uint64_t{0}),
                Get(json, "boot_id", std::string())};
  state.monitor = {Get(json, "monitor_pid", 0), Get(json, "monitor_start_time", uint64_t{0}),
                   state.init.boot_id};
  state.started_at = Get(json, "started_at", Timestamp{0});
  // A monitor that was killed may have left half a second line; only a whole one counts.
  if (rest && rest->ends_with('\n')) {
    TRY(state.exit, DecodeExitRecord(*rest));
  }
  return state;
}

Result<std::optional<RunState>> ReadRunState(const Layout& layout, std::string_view id) {
  auto text = ReadFile(StatePath(layout, id), 64 << 10);
  if (!text) {
    if (IsMissing(text.error())) return std::nullopt;
    return Fail(std::move(text).error());
  }
  TRY(auto state, DecodeRunState(*text));
  return state;
}

Result<ExitRecord> DecodeExitRecord(std::string_view text) {
  TRY(Json json, ParseObject(text, "exit record"));
  return ExitFrom(json);
}

std::string EncodeExitRecord(const ExitRecord& record) {
  Json json = {{"version", 1},
               {"known", record.known},
               {"exit_code", record.exit_code},
               {"signal", record.signal},
               {"core_dumped", record.core_dumped},
               {"oom_killed", record.oom_killed},
               {"timed_out", record.timed_out},
               {"started_at", record.started_at},
               {"finished_at", record.finished_at},
               {"user_cpu_us", record.user_cpu_us},
               {"system_cpu_us", record.system_cpu_us},
               {"max_rss_kib", record.max_rss_kib},
               {"log_lost", record.log_lost},
               {"log_lost_unmarked", record.log_lost_unmarked}};
  if (!record.error.empty()) json["error"] = record.error;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::optional<ExitRecord>> ReadExitRecord(const Layout& layout, std::string_view id) {
  auto text = ReadFile(ExitPath(layout, id), 64 << 10);
  if (!text) {
    if (IsMissing(text.error())) return std::nullopt;
    return Fail(std::move(text).error());
  }
  TRY(auto record, DecodeExitRecord(*text));
  return record;
}

Result<> WriteExitRecord(const Layout& layout, std::string_view id, const ExitRecord& record,
                         bool durable) {
  return WriteFileAtomically(ExitPath(layout, id), EncodeExitRecord(record),
                             durable ? Durability::kDurable : Durability::kVolatile);
}

}  // namespace hoy::core
