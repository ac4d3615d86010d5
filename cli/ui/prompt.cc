#include "cli/ui/prompt.h"

#include <unistd.h>

#include <string>

#include "core/base/text.h"

namespace hoy::cli {

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
