#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class VolumeImportCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume import",
                                        .summary = "Unpack a tar into a volume",
                                        .section = Section::kVolumes,
                                        .program = Program::kHeavy};
  VolumeImportCommand() : Command(kInfo) {
    Argument("VOLUME", &options_.volume, Completes::kVolume);
    Argument("FILE", &options_.file, Completes::kFile);
  }

  Result<int> Run(Context& context) override {
    TRY(RunVolumeImport(context, options_));
    return 0;
  }

 private:
  VolumeArchiveOptions options_;
};
HOY_REGISTER_COMMAND(VolumeImportCommand);

}  // namespace
}  // namespace hoy::cli
