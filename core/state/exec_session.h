#pragma once
// What is known of a session of `hoy exec`, as its record in RUN has it
// (core/engine/exec_sessions.h).

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/sys/clock.h"
#include "core/sys/process.h"

namespace hoy::core {

struct ExecSession {
  std::string id;           // 64 hex digits
  ProcessIdentity process;  // on the host
  Timestamp started_at = 0;
  std::vector<std::string> command;
  std::string user;
  bool terminal = false;
  bool stdin_open = false;
  bool privileged = false;
};

std::string EncodeExecSession(const ExecSession& session);
// kCorrupt: not such a record.
Result<ExecSession> DecodeExecSession(std::string_view text);

}  // namespace hoy::core
