#include "cli/ops/registry_options.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class LoginCommand final : public RegistryVerb<Command> {
 public:
  static constexpr CommandInfo kInfo = {.name = "login",
                                        .summary = "Log in to a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  LoginCommand() : RegistryVerb(kInfo) {
    OptionalArgument("REGISTRY", &options_.registry);
    Option("-u,--username", &options_.username, "NAME",
           "who logs in; <token> with an identity token");
    Option("-p,--password", &options_.password, "PASSWORD",
           "password or access token; others can see it while hoy runs");
    Flag("--password-stdin", &options_.password_stdin, "read the password from stdin");
    Flag("--get-login", &options_.get_login, "print who is logged in, and change nothing");
    AddRegistryOptions(options_);
    Flag("-v,--verbose", &options_.verbose, "say where the credentials are kept");
  }

  Result<int> Run(Context& context) override {
    if (options_.password && options_.password_stdin) {
      return Fail(UsageError("--password and --password-stdin exclude each other"));
    }
    TRY(RunLogin(context, options_));
    return 0;
  }

 private:
  LoginOptions options_;
};
HOY_REGISTER_COMMAND(LoginCommand);

}  // namespace
}  // namespace hoy::cli
