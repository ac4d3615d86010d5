#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestInspectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest inspect",
                                        .summary = "Show a manifest list or a manifest",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestInspectCommand() : Command(kInfo) {
    Argument("NAME", &options_.name, Completes::kImage);
    Option("--creds", &options_.access.creds, "USER[:PASSWORD]", "credentials for the registry");
    Option("--authfile", &options_.access.authfile, "FILE", "where credentials are looked up")
        .Completing(Completes::kFile);
    Option("--cert-dir", &options_.access.cert_dir, "DIR",
           "certificates for the registry: *.crt, *.cert and *.key")
        .Completing(Completes::kDirectory);
    Flag("--tls-verify", &options_.access.tls_verify,
         "ask for HTTPS and a valid certificate; false takes HTTP and any certificate");
    Flag("--insecure", &insecure_, "docker's word for --tls-verify=false");
  }

  Result<int> Run(Context& context) override {
    if (insecure_) options_.access.tls_verify = false;
    TRY(RunManifestInspect(context, options_));
    return 0;
  }

 private:
  ManifestInspectOptions options_;
  bool insecure_ = false;
};
HOY_REGISTER_COMMAND(ManifestInspectCommand);

}  // namespace
}  // namespace hoy::cli
