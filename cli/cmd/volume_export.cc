#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class VolumeExportCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume export",
                                        .summary = "Write what is in a volume as a tar",
                                        .section = Section::kVolumes,
                                        .program = Program::kHeavy};
  VolumeExportCommand() : Command(kInfo) {
    Argument("VOLUME", &options_.volume, Completes::kVolume);
    Option("-o,--output", &options_.file, "FILE", "write there, not to stdout")
        .Completing(Completes::kFile);
  }

  Result<int> Run(Context& context) override {
    TRY(RunVolumeExport(context, options_));
    return 0;
  }

 private:
  VolumeArchiveOptions options_;
};
HOY_REGISTER_COMMAND(VolumeExportCommand);

}  // namespace
}  // namespace hoy::cli
