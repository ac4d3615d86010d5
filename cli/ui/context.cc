#include "cli/ui/context.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/ui/exit_code.h"
#include "cli/ui/printable.h"
#include "cli/ui/report.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

bool UseColor(ColorPolicy policy, bool is_terminal) {
  if (policy != ColorPolicy::kAuto) return policy == ColorPolicy::kAlways;
  const char* no_color = getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return is_terminal && (no_color == nullptr || *no_color == 0);
}

}  // namespace

Terminal Terminal::Detect() {
  Terminal terminal{.stdin_is_terminal = isatty(STDIN_FILENO) == 1,
                    .stdout_is_terminal = isatty(STDOUT_FILENO) == 1,
                    .stderr_is_terminal = isatty(STDERR_FILENO) == 1};
  const char* columns = getenv("COLUMNS");
  auto wanted = ParseInteger<int>(columns != nullptr ? columns : "");
  winsize size{};
  if (wanted && *wanted > 0) {
    terminal.columns = *wanted;
  } else if (terminal.stdout_is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
             size.ws_col > 0) {
    terminal.columns = size.ws_col;
  }
  return terminal;
}

bool Context::ColorOnStdout() const {
  return UseColor(color, terminal.stdout_is_terminal);
}
bool Context::ColorOnStderr() const {
  return UseColor(color, terminal.stderr_is_terminal);
}

void Context::Report(const Error& error) {
  (void)out.Flush();  // so that what was printed before the error also appears before it
  if (error_format == ErrorFormat::kJson) {
    err.Write(ErrorJson(error, ExitCodeOf(error, runs_command)));
  } else {
    err.Write(ErrorText(error, ColorOnStderr()));
  }
}

void Context::Warn(std::string_view message) {
  if (error_format == ErrorFormat::kJson) return err.Write(WarningJson(message));
  err.Print("hoy: warning: {}\n", PrintableLines(message));
}

}  // namespace hoy::cli
