#pragma once
// Programs under test: started with exact argv, environment and stdin, watched by pidfd, and never
// waited for without a deadline.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/fd.h"

namespace hoy::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

// What a slow, loaded or sanitized machine still manages; a test that reaches it is stuck.
inline constexpr seconds kDeadline{60};

struct Command {
  std::vector<std::string> argv;
  std::map<std::string, std::optional<std::string>> env;  // on top of ours; nullopt unsets
  std::string input;                                      // all of stdin, then end of file
  std::string directory;                                  // empty: ours
  milliseconds timeout = kDeadline;
};

struct Output {
  int code = -1;  // as a shell gives it: 128+n after signal n; -1 after a timeout
  std::string out;
  std::string err;
  bool timed_out = false;
  bool pipe_held = false;  // it ended, but something it left behind keeps stdout or stderr open
};

// For failure messages: code, stdout and stderr.
std::ostream& operator<<(std::ostream& stream, const Output& output);

// Runs to the end. On a timeout the process is killed and `timed_out` is set.
Output RunCommand(const Command& command);

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A process that goes on while the test does something else. Killed and reaped when it goes.
class Background {
 public:
  // `input` is written at once and stdin stays open until CloseInput or Finish.
  explicit Background(const Command& command);
  Background(Background&&) = default;
  Background& operator=(Background&&) = delete;
  ~Background();

  pid_t pid() const { return pid_; }
  bool Running();
  void Signal(int signal);
  void Write(std::string_view bytes);
  void CloseInput() { input_.reset(); }

  // Reads until stdout (stderr) contains `text`; false when it ended or the deadline passed first.
  bool WaitForOut(std::string_view text, milliseconds timeout = kDeadline);
  bool WaitForErr(std::string_view text, milliseconds timeout = kDeadline);
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

  Output Finish(milliseconds timeout = kDeadline);  // closes stdin, reads to the end, reaps

 private:
  using Clock = std::chrono::steady_clock;
  bool Pump(Clock::time_point deadline);  // one wait for output or exit; false: nothing came
  bool WaitFor(const std::string& buffer, std::string_view text, milliseconds timeout);
  void Reap();

  pid_t pid_ = -1;
  Fd pidfd_;
  Fd input_;
  Fd out_pipe_;
  Fd err_pipe_;
  std::string pending_input_;
  std::string out_;
  std::string err_;
  int code_ = -1;
  bool reaped_ = false;
};

// The exit code in a shell's terms.
int ShellCode(int wait_status);

// Polls `condition` until it holds; false when the deadline passed. For states of other processes
// that have no descriptor to wait on.
template <typename Condition>
bool Eventually(Condition condition, milliseconds timeout = kDeadline);

void PauseBetweenPolls();

template <typename Condition>
bool Eventually(Condition condition, milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    PauseBetweenPolls();
  }
  return true;
}

}  // namespace hoy::test
