#include "core/state/run_state.h"

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/state/json_fields.h"
#include "core/sys/files.h"

namespace hoy::core {
namespace {

using Json = nlohmann::json;

ExitRecord ExitFrom(JsonFields json) {
  ExitRecord record;
  json.Read("known", record.known);
  json.Read("exit_code", record.exit_code);
  if (!record.known) record.exit_code = kUnknownExitCode;
  json.Read("signal", record.signal);
  json.Read("core_dumped", record.core_dumped);
  json.Read("oom_killed", record.oom_killed);
  json.Read("timed_out", record.timed_out);
  json.Read("started_at", record.started_at);
  json.Read("finished_at", record.finished_at);
  json.Read("user_cpu_us", record.user_cpu_us);
  json.Read("system_cpu_us", record.system_cpu_us);
  json.Read("max_rss_kib", record.max_rss_kib);
  json.Read("log_lost", record.log_lost);
  json.Read("log_lost_unmarked", record.log_lost_unmarked);
  json.Read("error", record.error);
  return record;
}

Result<JsonText> ParseObject(std::string_view text, std::string_view what) {
  auto json = JsonText::Parse(text);
  if (!json || !json->root().IsObject()) {
    return Fail(ErrorKind::kCorrupt, "{}: not a JSON object", what);
  }
  return *std::move(json);
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
  TRY(JsonText text_of_run, ParseObject(first, "state.json"));
  JsonFields json(text_of_run.root());
  RunState state;
  int64_t ready = 1;
  json.Read("ready", ready);
  state.ready = ready != 0;
  json.Read("pid", state.init.pid);
  json.Read("start_time", state.init.start_time);
  json.Read("boot_id", state.init.boot_id);
  json.Read("monitor_pid", state.monitor.pid);
  json.Read("monitor_start_time", state.monitor.start_time);
  state.monitor.boot_id = state.init.boot_id;
  json.Read("started_at", state.started_at);
  if (JsonView freezer = text_of_run.root()["freezer"]) state.freezer = freezer.String();
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
  TRY(JsonText json, ParseObject(text, "exit record"));
  return ExitFrom(JsonFields(json.root()));
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
