#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class ExportCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "export",
                                        .aliases = "container export",
                                        .summary = "Write a container's files as a tar",
                                        .section = Section::kContainers,
                                        .program = Program::kHeavy};
  ExportCommand() : Command(kInfo) {
    Argument("CONTAINER", &options_.container, Completes::kContainer);
    Option("-o,--output", &options_.output, "FILE", "write there, not to stdout")
        .Completing(Completes::kFile);
  }

  Result<int> Run(Context& context) override {
    TRY(RunExport(context, options_));
    return 0;
  }

 private:
  ExportOptions options_;
};
HOY_REGISTER_COMMAND(ExportCommand);

}  // namespace
}  // namespace hoy::cli
