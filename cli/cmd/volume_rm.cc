#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/state/volume.h"

namespace hoy::cli {
namespace {

class VolumeRmCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume rm",
                                        .aliases = "volume remove",
                                        .summary = "Remove volumes",
                                        .section = Section::kVolumes};
  VolumeRmCommand() : Command(kInfo) {
    Arguments("VOLUME", &volumes_, Completes::kVolume);
    Flag("-f,--force", &force_, "no error when one is missing");
    Flag("--discard", &discard_, "also with changes that are not in S3 yet: they are lost");
  }

  Result<int> Run(Context& context) override {
    core::RemoveAbandonedVolumes(context.layout);
    return ForEachObject(context, volumes_, [&](const std::string& name) -> Result<> {
      auto pending = discard_ ? core::PendingChanges::kDiscard : core::PendingChanges::kKeep;
      auto removed = core::RemoveVolume(context.layout, name, pending);
      if (!removed && force_ && removed.error().kind == ErrorKind::kNotFound) return {};
      return removed;
    });
  }

 private:
  std::vector<std::string> volumes_;
  bool force_ = false;
  bool discard_ = false;
};
HOY_REGISTER_COMMAND(VolumeRmCommand);

}  // namespace
}  // namespace hoy::cli
