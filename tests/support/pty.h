#pragma once
// A program on a real terminal: a pseudo-terminal pair (pty(7)) whose slave is its controlling
// terminal, driven from the master as a person at a screen would.

#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "tests/support/process.h"

namespace hoy::test {

class Pty {
 public:
  struct Size {
    unsigned short rows = 24;
    unsigned short columns = 80;
  };

  explicit Pty(const Command& command, Size size = {24, 80});  // `input` is sent as typed
  ~Pty();

  // Everything on the screen so far, as bytes.
  const std::string& screen() const { return screen_; }

  // Reads until `text` shows up after the last match; false: it ended or the deadline passed.
  bool Expect(std::string_view text, milliseconds timeout = kDeadline);
  void Send(std::string_view keys);
  void Resize(Size size);  // the kernel sends SIGWINCH to the foreground process group
  void HangUp();           // closes the master: the terminal window is gone
  void Signal(int signal);
  pid_t pid() const { return pid_; }

  // Reads to the end of the output; the exit code as a shell gives it, -1 after a timeout.
  int Finish(milliseconds timeout = kDeadline);

  // Whether the terminal is back in cooked mode with echo, as a shell expects to find it.
  bool IsCooked() const;

 private:
  bool Read(std::chrono::steady_clock::time_point deadline);

  Fd master_;
  Fd slave_;  // kept open, so that the settings outlive the program
  Fd pidfd_;
  pid_t pid_ = -1;
  std::string screen_;
  size_t matched_ = 0;
  bool reaped_ = false;
  int code_ = -1;
};

}  // namespace hoy::test
