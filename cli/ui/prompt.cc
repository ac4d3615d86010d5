#include "cli/ui/prompt.h"

#include <termios.h>
#include <unistd.h>

#include <string>

#include "core/base/text.h"

namespace hoy::cli {
namespace {

Result<std::string> ReadTypedLine() {
  std::string line;
  while (true) {
    char c = 0;
    ssize_t count = read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "the answer");
    if (count == 0 || c == '\x03') return Fail(ErrorKind::kCancelled, "interrupted");
    if (c == '\n' || c == '\r') return line;
    line += c;
  }
}

// Keys that would end the process with the echo still off (Ctrl-C, Ctrl-\, Ctrl-Z) do nothing but
// for Ctrl-C, which ReadTypedLine sees at once: VEOL ends the line there.
class EchoOff {
 public:
  EchoOff() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_cc[VEOL] = '\x03';
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~EchoOff() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  bool changed() const { return changed_; }

 private:
  termios before_{};
  bool changed_ = false;
};

}  // namespace

Result<std::string> AskLine(Context& context, std::string_view question) {
  (void)context.out.Flush();
  context.err.Print("{}", question);
  return ReadTypedLine();
}

Result<std::string> AskSecret(Context& context, std::string_view question) {
  (void)context.out.Flush();
  EchoOff quiet;
  if (!quiet.changed()) return FailErrno("turn off the echo of", "the terminal");
  context.err.Print("{}", question);
  auto secret = ReadTypedLine();
  context.err.Print("\n");
  return secret;
}

Result<bool> AskYesNo(Context& context, std::string_view question) {
  if (!context.terminal.stdin_is_terminal) {
    return Fail(MakeError(ErrorKind::kInvalidArgument, "cannot ask without a terminal")
                    .WithHint("use --force to go on without a question"));
  }
  (void)context.out.Flush();
  context.err.Print("{} [y/N] ", question);
  std::string answer;
  char c = 0;
  while (true) {
    ssize_t count = read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FailErrno("read", "the answer");
    if (count == 0 || c == '\n') break;
    answer += c;
  }
  answer = ToLower(Trim(answer));
  return answer == "y" || answer == "yes";
}

}  // namespace hoy::cli
