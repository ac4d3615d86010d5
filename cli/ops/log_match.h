#pragma once
// Waiting for a line in a container's log: `hoy wait --log-match`.

#include <optional>
#include <string>

#include "cli/ui/context.h"
#include "core/base/fd.h"
#include "core/base/result.h"
#include "core/sys/process.h"

namespace hoy::cli {

// POSIX extended syntax. kInvalidArgument: it does not compile; the message says why.
Result<> CheckPattern(const std::string& pattern);

// `hoy logs -f` of the container's present run, read and compared line by line: so rotation,
// restarts and every log driver are taken care of where logs are.
class LogMatch {
 public:
  static Result<LogMatch> Begin(const Context& context, const std::string& id,
                                const std::string& pattern);

  BorrowedFd fd() const { return pipe_; }  // for poll(2)
  // The line, when there is one. kConflict: the container has exited for good without one.
  Result<std::optional<std::string>> Check();

 private:
  LogMatch(std::string id, std::string pattern, core::ChildProcess child, Fd pipe)
      : id_(std::move(id)),
        pattern_(std::move(pattern)),
        child_(std::move(child)),
        pipe_(std::move(pipe)) {}

  std::string id_;
  std::string pattern_;
  core::ChildProcess child_;
  Fd pipe_;
  std::string rest_;
};

}  // namespace hoy::cli
