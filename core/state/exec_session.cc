#include "core/state/exec_session.h"

#include <nlohmann/json.hpp>

namespace hoy::core {
namespace {

using Json = nlohmann::json;

}  // namespace

std::string EncodeExecSession(const ExecSession& session) {
  Json json = {{"version", 1},
               {"id", session.id},
               {"pid", session.process.pid},
               {"start_time", session.process.start_time},
               {"boot_id", session.process.boot_id},
               {"started_at", session.started_at},
               {"command", session.command},
               {"user", session.user},
               {"terminal", session.terminal},
               {"stdin_open", session.stdin_open},
               {"privileged", session.privileged}};
  // An argument may be any bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<ExecSession> DecodeExecSession(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  try {
    ExecSession session;
    json.at("id").get_to(session.id);
    json.at("pid").get_to(session.process.pid);
    json.at("start_time").get_to(session.process.start_time);
    json.at("boot_id").get_to(session.process.boot_id);
    json.at("started_at").get_to(session.started_at);
    json.at("command").get_to(session.command);
    json.at("user").get_to(session.user);
    json.at("terminal").get_to(session.terminal);
    json.at("stdin_open").get_to(session.stdin_open);
    json.at("privileged").get_to(session.privileged);
    return session;
  } catch (const Json::exception&) {
    return Fail(ErrorKind::kCorrupt, "not the record of an exec session");
  }
}

}  // namespace hoy::core
