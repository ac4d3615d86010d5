#include "cli/ops/manifest_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ManifestRemoveCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "manifest remove",
                                        .summary = "Take images out of a manifest list",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ManifestRemoveCommand() : Command(kInfo) {
    Argument("LIST", &options_.list, Completes::kImage);
    Arguments("DIGEST", &options_.entries);
  }

  Result<int> Run(Context& context) override {
    TRY(RunManifestRemove(context, options_));
    return 0;
  }

 private:
  ManifestRemoveOptions options_;
};
HOY_REGISTER_COMMAND(ManifestRemoveCommand);

}  // namespace
}  // namespace hoy::cli
