#include "cli/ops/container_command.h"
#include "cli/ops/exit_report.h"

namespace hoy::cli {
namespace {

class CreateCommand final : public ContainerCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "create",
                                        .aliases = "container create",
                                        .summary = "Make a container without starting it",
                                        .section = Section::kContainers,
                                        .runs_command = true};
  CreateCommand() : ContainerCommand(kInfo) {}

  Result<int> Run(Context& context) override {
    TRY(ReportTarget report, ParseReportTarget(options_.report));
    TRY(CheckReportTarget(report, false));
    TRY(core::ContainerRecord record, Make(context));
    context.out.Print("{}\n", record.id);
    return 0;
  }
};
HOY_REGISTER_COMMAND(CreateCommand);

}  // namespace
}  // namespace hoy::cli
