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
  // The line, when there is one. kConflict: the container has exited for good without one. Another
  // kind: its log could not be read to its end.
  Result<std::optional<std::string>> Check();

 private:
  LogMatch(std::string id, std::string pattern, core::ChildProcess child, Fd pipe)
      : id_(std::move(id)),
        pattern_(std::move(pattern)),
        child_(std::move(child)),
        pipe_(std::move(pipe)) {}

  Error CouldNotRead() const;

  std::string id_;
  std::string pattern_;
  core::ChildProcess child_;
  Fd pipe_;
  std::string rest_;
  std::string last_;  // line that did not match; of a child that failed, what it says of that
};

}  // namespace hoy::cli
