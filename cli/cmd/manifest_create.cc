#include "cli/ops/manifest_options.h"

namespace hoy::cli {
namespace {

class ManifestCreateCommand final : public ManifestVerb {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest create",
                                        .summary = "Make a manifest list",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestCreateCommand() : ManifestVerb(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    OptionalArguments("IMAGE", &options_.images, Completes::kImage);
    Flag("--all", &options_.all, "of images that are lists themselves, take every entry");
    Flag("-a,--amend", &options_.amend, "add to the list if it is there already");
    Option("--annotation", &options_.annotations, "KEY=VALUE", "an annotation of the list");
    AddAccessOptions(options_.access);
    AddInsecureOption();
  }

  Result<int> Run(Context& context) override {
    MindInsecure(options_.access);
    TRY(RunManifestCreate(context, options_));
    return 0;
  }

 private:
  ManifestCreateOptions options_;
};
HOY_REGISTER_COMMAND(ManifestCreateCommand);

}  // namespace
}  // namespace hoy::cli
