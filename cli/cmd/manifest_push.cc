#include "cli/ops/manifest_options.h"

namespace hoy::cli {
namespace {

class ManifestPushCommand final : public ManifestVerb {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest push",
                                        .summary = "Push a manifest list and its images",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestPushCommand() : ManifestVerb(kInfo) {
    Argument("LIST", &options_.push.image, Completes::kImage);
    OptionalArgument("DESTINATION", &options_.push.destination, Completes::kImage);
    Flag("--all", &options_.all, "push the images too, not only the list (default true)");
    Flag("-p,--purge,--rm", &options_.purge, "remove the list from this machine afterwards");
    AddPushOptions(options_.push);
    AddInsecureOption();
  }

  Result<int> Run(Context& context) override {
    MindInsecure(options_.push.access);
    TRY(RunManifestPush(context, options_));
    return 0;
  }

 private:
  ManifestPushOptions options_;
};
HOY_REGISTER_COMMAND(ManifestPushCommand);

}  // namespace
}  // namespace hoy::cli
