#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestAddCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest add",
                                        .summary = "Add images to a manifest list",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestAddCommand() : Command(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    Arguments("IMAGE", &options_.images, Completes::kImage);
    Flag("--all", &options_.all, "of images that are lists themselves, take every entry");
    Option("--arch", &options_.edit.architecture, "ARCH", "the entry's architecture");
    Option("--os", &options_.edit.os, "OS", "the entry's operating system");
    Option("--os-version", &options_.edit.os_version, "VERSION", "the version that it needs");
    Option("--os-features", &options_.edit.os_features, "FEATURE",
           "a feature that it needs of the system");
    Option("--features", &options_.edit.features, "FEATURE",
           "a feature that it needs of the processor");
    Option("--variant", &options_.edit.variant, "VARIANT", "of the architecture, like v7");
    Option("--annotation", &options_.edit.annotations, "KEY=VALUE", "an annotation of the entry");
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
    TRY(RunManifestAdd(context, options_));
    return 0;
  }

 private:
  ManifestAddOptions options_;
  bool insecure_ = false;
};
HOY_REGISTER_COMMAND(ManifestAddCommand);

}  // namespace
}  // namespace hoy::cli
