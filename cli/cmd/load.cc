#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class LoadCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "load",
                                        .aliases = "image load",
                                        .summary = "Read images from an archive",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  LoadCommand() : Command(kInfo) {
    Option("-i,--input", &options_.input, "FILE", "read from this file or directory, not stdin")
        .Completing(Completes::kFile);
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]",
           "which image of a multi-platform one, like linux/arm64")
        .Completing(Completes::kPlatform);
    Flag("--all-platforms", &options_.all_platforms, "every image of a multi-platform one");
    Option("--signature-policy", &options_.signature_policy, "FILE",
           "which images are let in: containers-policy.json(5)")
        .Completing(Completes::kFile);
    Flag("-q,--quiet", &quiet_, "print the names of the images only, as is done anyway");
  }

  Result<int> Run(Context& context) override {
    if (options_.all_platforms && !options_.platform.empty()) {
      return Fail(UsageError("--all-platforms leaves nothing for --platform to choose"));
    }
    TRY(RunLoad(context, options_));
    return 0;
  }

 private:
  LoadOptions options_;
  bool quiet_ = false;
};
HOY_REGISTER_COMMAND(LoadCommand);

}  // namespace
}  // namespace hoy::cli
