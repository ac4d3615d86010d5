#include "cli/ops/manifest_options.h"

namespace hoy::cli {
namespace {

class ManifestInspectCommand final : public ManifestVerb {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest inspect",
                                        .summary = "Show a manifest list or a manifest",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestInspectCommand() : ManifestVerb(kInfo) {
    Argument("NAME", &options_.name, Completes::kImage);
    AddAccessOptions(options_.access);
    AddInsecureOption();
  }

  Result<int> Run(Context& context) override {
    MindInsecure(options_.access);
    TRY(RunManifestInspect(context, options_));
    return 0;
  }

 private:
  ManifestInspectOptions options_;
};
HOY_REGISTER_COMMAND(ManifestInspectCommand);

}  // namespace
}  // namespace hoy::cli
