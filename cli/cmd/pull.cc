#include "cli/ops/pull.h"

#include "cli/ops/registry_options.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class PullCommand final : public RegistryVerb<Command> {
 public:
  static constexpr CommandInfo kInfo = {.name = "pull",
                                        .aliases = "image pull",
                                        .summary = "Pull images from a registry",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  PullCommand() : RegistryVerb(kInfo) {
    Arguments("IMAGE", &images_, Completes::kImage);
    Flag("-q,--quiet", &quiet_, "show no progress");
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]",
           "which image of a multi-platform one, like linux/arm64")
        .Completing(Completes::kPlatform);
    AddRegistryOptions(options_);
    AddRetryOptions(options_);
    Option("--signature-policy", &options_.signature_policy, "FILE",
           "which images are let in: containers-policy.json(5)")
        .Completing(Completes::kFile);
    AddProgressOption(&progress_);
  }

  Result<int> Run(Context& context) override {
    auto pull_one = [&](const std::string& image) -> Result<> {
      options_.reference = image;
      TRY(std::vector<std::string> pulled,
          RunPull(context, options_, quiet_ ? ProgressMode::kNone : progress_));
      for (const std::string& canonical : pulled) context.out.Print("{}\n", canonical);
      return {};
    };
    if (images_.size() > 1) {
      return ForEachObject(context, images_, pull_one, /*print_names=*/false);
    }
    TRY(pull_one(images_[0]));
    return 0;
  }

 private:
  std::vector<std::string> images_;
  PullOptions options_;
  bool quiet_ = false;
  ProgressMode progress_ = ProgressMode::kAuto;
};
HOY_REGISTER_COMMAND(PullCommand);

}  // namespace
}  // namespace hoy::cli
