#include "cli/ops/manifest_options.h"

namespace hoy::cli {
namespace {

class ManifestAddCommand final : public ManifestVerb {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest add",
                                        .summary = "Add images to a manifest list",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestAddCommand() : ManifestVerb(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    Arguments("IMAGE", &options_.images, Completes::kImage);
    Flag("--all", &options_.all, "of images that are lists themselves, take every entry");
    AddEditOptions(options_.edit);
    AddAccessOptions(options_.access);
    AddInsecureOption();
  }

  Result<int> Run(Context& context) override {
    MindInsecure(options_.access);
    TRY(RunManifestAdd(context, options_));
    return 0;
  }

 private:
  ManifestAddOptions options_;
};
HOY_REGISTER_COMMAND(ManifestAddCommand);

}  // namespace
}  // namespace hoy::cli
