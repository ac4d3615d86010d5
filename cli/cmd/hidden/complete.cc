#include "cli/ui/complete.h"

#include "cli/ops/cdi.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

// Beside the paths of devices, which the shell knows.
std::vector<std::string> NamesOfDevices(const OptionSpec& option, std::string_view typed) {
  if (option.long_name != "device" || typed.starts_with('/')) return {};
  return ListCdiDevices(CdiDirectories());
}

// What the completion scripts call: `hoy __complete -- WORD...`.
class CompleteCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__complete",
                                        .summary = "Answer the shells' completion",
                                        .runs_command = true,
                                        .hidden = true};
  CompleteCommand() : Command(kInfo) { OptionalCommandLine(&words_); }

  Result<int> Run(Context& context) override {
    context.out.Write(CompletionText(Complete(words_, context.layout, NamesOfDevices)));
    return 0;
  }

 private:
  std::vector<std::string> words_;
};
HOY_REGISTER_COMMAND(CompleteCommand);

}  // namespace
}  // namespace hoy::cli
