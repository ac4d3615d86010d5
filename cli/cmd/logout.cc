#include "cli/ops/registry_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class LogoutCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "logout",
                                        .summary = "Forget the credentials for a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  LogoutCommand() : Command(kInfo) {
    OptionalArgument("REGISTRY", &options_.registry);
    Flag("-a,--all", &options_.all, "forget those for all registries");
    Option("--authfile", &options_.authfile, "FILE", "where the credentials are kept")
        .Completing(Completes::kFile);
  }

  Result<int> Run(Context& context) override {
    if (options_.all && options_.registry) {
      return Fail(UsageError("--all takes no registry"));
    }
    TRY(RunLogout(context, options_));
    return 0;
  }

 private:
  LogoutOptions options_;
};
HOY_REGISTER_COMMAND(LogoutCommand);

}  // namespace
}  // namespace hoy::cli
