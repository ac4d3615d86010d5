#include "cli/ops/for_each.h"
#include "cli/ops/volume_list.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class VolumeInspectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume inspect",
                                        .summary = "Show all that is known about volumes",
                                        .section = Section::kVolumes};
  VolumeInspectCommand() : Command(kInfo) {
    Arguments("VOLUME", &volumes_, Completes::kVolume);
    Option("-f,--format", &format_, "TEMPLATE", "json, or a Go template");
  }

  Result<int> Run(Context& context) override {
    return InspectEach(context, volumes_, format_, [&](const std::string& name) -> Result<Json> {
      TRY(auto record, core::ReadVolume(context.layout, name));
      return InspectVolume(context.layout, record);
    });
  }

 private:
  std::vector<std::string> volumes_;
  std::string format_;
};
HOY_REGISTER_COMMAND(VolumeInspectCommand);

}  // namespace
}  // namespace hoy::cli
