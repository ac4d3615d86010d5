#include "cli/ops/pull.h"

#include "cli/ops/one_registry.h"
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
    Flag("-a,--all-tags", &options_.all_tags, "pull every tag of the repository IMAGE");
    Flag("-q,--quiet", &quiet_, "show no progress");
    Option("--platform", &platforms_, "OS/ARCH[/VARIANT]",
           "which image of a multi-platform one, like linux/arm64; several keep several")
        .Completing(Completes::kPlatform);
    Flag("--all-platforms", &options_.all_platforms, "every image of a multi-platform one");
    AddRegistryOptions(options_);
    AddRetryOptions(options_);
    Option("--signature-policy", &options_.signature_policy, "FILE",
           "which images are let in: containers-policy.json(5)")
        .Completing(Completes::kFile);
    AddProgressOption(&progress_);
  }

  Result<int> Run(Context& context) override {
    if (options_.all_platforms && !platforms_.empty()) {
      return Fail(UsageError("--all-platforms leaves nothing for --platform to choose"));
    }
    if (platforms_.size() > 1) {
      options_.platforms = platforms_;
    } else if (!platforms_.empty()) {
      options_.platform = platforms_.front();
    }
    auto pull_one = [&](const std::string& image) -> Result<> {
      options_.reference = image;
      TRY(std::vector<std::string> pulled,
          RunPull(context, options_, quiet_ ? ProgressMode::kNone : progress_));
      for (const std::string& canonical : pulled) context.out.Print("{}\n", canonical);
      return {};
    };
    if (images_.size() > 1) {
      TRY_CONTEXT_SET(auto registries, RegistriesOf(images_), "pull");
      TRY_CONTEXT(CheckOneRegistry(options_.creds, registries), "pull");
      return ForEachObject(context, images_, pull_one, /*print_names=*/false);
    }
    TRY(pull_one(images_[0]));
    return 0;
  }

 private:
  std::vector<std::string> images_;
  std::vector<std::string> platforms_;
  PullOptions options_;
  bool quiet_ = false;
  ProgressMode progress_ = ProgressMode::kAuto;
};
HOY_REGISTER_COMMAND(PullCommand);

}  // namespace
}  // namespace hoy::cli
