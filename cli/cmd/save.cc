#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class SaveCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "save",
                                        .aliases = "image save",
                                        .summary = "Write images to an archive",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  SaveCommand() : Command(kInfo) {
    Arguments("IMAGE", &options_.images, Completes::kImage);
    Option("-o,--output", &options_.output, "FILE", "write there, not to stdout")
        .Completing(Completes::kFile);
    Choice<SaveFormat>("--format", &options_.format,
                       {{"docker-archive", SaveFormat::kDockerArchive},
                        {"oci-archive", SaveFormat::kOciArchive},
                        {"oci-dir", SaveFormat::kOciDirectory},
                        {"docker-dir", SaveFormat::kDockerDirectory}},
                       "FORMAT", "what to write");
    Option("--platform", &options_.platform, "OS/ARCH[/VARIANT]",
           "only this image of a multi-platform one")
        .Completing(Completes::kPlatform);
    Flag("-q,--quiet", &quiet_, "accepted, as podman has it; nothing is printed anyway");
    Flag("-m,--multi-image-archive", &multi_, "accepted; several images are always possible");
  }

  Result<int> Run(Context& context) override {
    TRY(RunSave(context, options_));
    return 0;
  }

 private:
  SaveOptions options_;
  bool quiet_ = false;
  bool multi_ = false;
};
HOY_REGISTER_COMMAND(SaveCommand);

}  // namespace
}  // namespace hoy::cli
