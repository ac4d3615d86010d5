#include "cli/ui/command.h"
#include "cli/ui/complete.h"

namespace hoy::cli {
namespace {

class CompletionCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "completion",
                                        .summary = "Print the completion script of a shell",
                                        .section = Section::kSystem};
  CompletionCommand() : Command(kInfo) { Argument("SHELL", &shell_, Completes::kShell); }

  Result<int> Run(Context& context) override {
    std::string_view script = CompletionScript(shell_);
    if (script.empty()) {
      return Fail(
          UsageError(fmt::format("no completion for '{}': wants bash, zsh or fish", shell_)));
    }
    context.out.Write(script);
    return 0;
  }

 private:
  std::string shell_;
};
HOY_REGISTER_COMMAND(CompletionCommand);

}  // namespace
}  // namespace hoy::cli
