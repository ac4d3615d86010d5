#include "cli/ops/registry_options.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class PushCommand final : public RegistryVerb<Command> {
 public:
  static constexpr CommandInfo kInfo = {.name = "push",
                                        .aliases = "image push",
                                        .summary = "Push an image to a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  PushCommand() : RegistryVerb(kInfo) {
    Argument("IMAGE", &options_.image, Completes::kImage);
    OptionalArgument("DESTINATION", &options_.destination, Completes::kImage);
    Flag("-a,--all-tags", &options_.all_tags, "push every tag of the repository IMAGE");
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]",
           "only this image of a multi-platform one")
        .Completing(Completes::kPlatform);
    AddPushOptions(options_);
  }

  Result<int> Run(Context& context) override {
    if (options_.all_tags && options_.destination) {
      return Fail(UsageError("--all-tags takes no destination"));
    }
    if (options_.all_tags && !options_.digestfile.empty()) {
      return Fail(UsageError("--digestfile holds one digest, so it does not go with --all-tags"));
    }
    TRY(RunPush(context, options_));
    return 0;
  }

 private:
  PushOptions options_;
};
HOY_REGISTER_COMMAND(PushCommand);

}  // namespace
}  // namespace hoy::cli
