#include "cli/ops/volume_list.h"
#include "cli/ui/command.h"
#include "cli/ui/exit_code.h"
#include "cli/ui/format.h"

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
    std::vector<Json> objects;
    int exit_code = 0;
    for (const std::string& name : volumes_) {
      auto record = core::ReadVolume(context.layout, name);
      if (record) {
        objects.push_back(InspectVolume(context.layout, *record));
        continue;
      }
      context.Report(record.error());
      exit_code = std::max(exit_code, ExitCodeOf(record.error(), false));
    }
    TRY(std::string text, FormatInspect(format_, objects));
    context.out.Write(text);
    return exit_code;
  }

 private:
  std::vector<std::string> volumes_;
  std::string format_;
};
HOY_REGISTER_COMMAND(VolumeInspectCommand);

}  // namespace
}  // namespace hoy::cli
