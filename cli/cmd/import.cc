#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ImportCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "import",
                                        .aliases = "image import",
                                        .summary = "Make an image of a root file system's tar",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  ImportCommand() : Command(kInfo) {
    Argument("FILE", &options_.input, Completes::kFile);
    OptionalArgument("NAME", &reference_, Completes::kImage);
    Option("-c,--change", &options_.changes, "INSTRUCTION",
           "a Dockerfile instruction for the configuration, like 'CMD [\"sh\"]'");
    Option("-m,--message", &options_.message, "TEXT", "a comment for the history");
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]", "what the image is for")
        .Completing(Completes::kPlatform);
    Option("--signature-policy", &options_.signature_policy, "FILE",
           "whether archives are let in: containers-policy.json(5)")
        .Completing(Completes::kFile);
    Flag("-q,--quiet", &quiet_, "print the id only, as is done anyway");
  }

  Result<int> Run(Context& context) override {
    options_.reference = reference_.value_or("");
    TRY(RunImport(context, options_));
    return 0;
  }

 private:
  ImportImageOptions options_;
  std::optional<std::string> reference_;
  bool quiet_ = false;
};
HOY_REGISTER_COMMAND(ImportCommand);

}  // namespace
}  // namespace hoy::cli
