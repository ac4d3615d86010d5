#include "cli/ops/registry_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class LoginCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "login",
                                        .summary = "Log in to a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  LoginCommand() : Command(kInfo) {
    OptionalArgument("REGISTRY", &options_.registry);
    Option("-u,--username", &options_.username, "NAME",
           "who logs in; <token> with an identity token");
    Option("-p,--password", &options_.password, "PASSWORD",
           "password or access token; others can see it while hoy runs");
    Flag("--password-stdin", &options_.password_stdin, "read the password from stdin");
    Flag("--get-login", &options_.get_login, "print who is logged in, and change nothing");
    Option("--authfile", &options_.authfile, "FILE", "where the credentials are kept")
        .Completing(Completes::kFile);
    Option("--cert-dir", &options_.cert_dir, "DIR",
           "certificates for the registry: *.crt, *.cert and *.key")
        .Completing(Completes::kDirectory);
    Flag("--tls-verify", &options_.tls_verify,
         "ask for HTTPS and a valid certificate; false takes HTTP and any certificate");
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
