#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestCreateCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest create",
                                        .summary = "Make a manifest list",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestCreateCommand() : Command(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    OptionalArguments("IMAGE", &options_.images, Completes::kImage);
    Flag("--all", &options_.all, "of images that are lists themselves, take every entry");
    Flag("-a,--amend", &options_.amend, "add to the list if it is there already");
    Option("--annotation", &options_.annotations, "KEY=VALUE", "an annotation of the list");
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
    TRY(RunManifestCreate(context, options_));
    return 0;
  }

 private:
  ManifestCreateOptions options_;
  bool insecure_ = false;
};
HOY_REGISTER_COMMAND(ManifestCreateCommand);

}  // namespace
}  // namespace hoy::cli
