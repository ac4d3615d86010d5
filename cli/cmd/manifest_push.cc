#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestPushCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest push",
                                        .summary = "Push a manifest list and its images",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestPushCommand() : Command(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    OptionalArgument("DESTINATION", &options_.destination, Completes::kImage);
    Flag("--all", &options_.all, "push the images too, not only the list (default true)");
    Flag("-p,--purge,--rm", &options_.purge, "remove the list from this machine afterwards");
    Choice("-f,--format", &options_.format, {"oci", "v2s2"}, "FORMAT",
           "turn the list and its images into this format");
    Choice("--compression-format", &options_.compression_format, {"gzip", "zstd"}, "FORMAT",
           "pack layers on this machine that have another compression anew");
    Option("--digestfile", &options_.digestfile, "FILE", "write the list's digest there")
        .Completing(Completes::kFile);
    Flag("-q,--quiet", &options_.quiet, "show no progress");
    Choice<ProgressMode>("--progress", &options_.progress,
                         {{"auto", ProgressMode::kAuto},
                          {"plain", ProgressMode::kPlain},
                          {"tty", ProgressMode::kLive},
                          {"json", ProgressMode::kJson},
                          {"none", ProgressMode::kNone}},
                         "MODE", "how progress is shown");
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
    TRY(RunManifestPush(context, options_));
    return 0;
  }

 private:
  ManifestPushOptions options_;
  bool insecure_ = false;
};
HOY_REGISTER_COMMAND(ManifestPushCommand);

}  // namespace
}  // namespace hoy::cli
