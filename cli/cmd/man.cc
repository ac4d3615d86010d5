#include "cli/ui/globals.h"
#include "cli/ui/manual.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

// What the build calls: `hoy __man run man/hoy-run.1.in`. The verb "hoy" is hoy itself.
class ManCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "__man", .summary = "Fill in a man page", .hidden = true};
  ManCommand() : Command(kInfo) {
    Argument("VERB", &verb_);
    Argument("FILE", &file_);
  }

  Result<int> Run(Context& context) override {
    TRY(std::string prose, core::ReadFile(file_));
    std::unique_ptr<Command> command;
    if (verb_ == "hoy") {
      command = std::make_unique<Globals>();
    } else if (const Registration* entry = FindCommand(verb_)) {
      command = entry->Make();
    } else {
      return Fail(ErrorKind::kInvalidArgument, "no verb '{}'", verb_);
    }
    TRY(std::string page, ManualPage(*command, prose));
    context.out.Write(page);
    return 0;
  }

 private:
  std::string verb_;
  std::string file_;
};
HOY_REGISTER_COMMAND(ManCommand);

}  // namespace
}  // namespace hoy::cli
