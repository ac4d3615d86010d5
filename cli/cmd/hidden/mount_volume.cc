#include "cli/ops/mount_volume.h"

#include "cli/ui/command.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

// What whoever starts a container starts for a volume that is mounted for each.
class MountVolumeCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__mount-volume",
                                        .summary = "Mount a volume for a container",
                                        .section = Section::kSystem,
                                        .program = Program::kHeavy,
                                        .hidden = true};
  MountVolumeCommand() : Command(kInfo) {
    Argument("VOLUME", &volume_);
    Argument("COUNT", &count_);
  }

  Result<int> Run(Context& context) override {
    auto count = ParseInteger<uint32_t>(count_);
    if (!count) return Fail(UsageError(fmt::format("'{}' is no number", count_)));
    TRY(RunMountVolume(context, volume_, *count));
    return 0;
  }

 private:
  std::string volume_;
  std::string count_;
};
HOY_REGISTER_COMMAND(MountVolumeCommand);

}  // namespace
}  // namespace hoy::cli
