#include <span>
#include <string>

#include "cli/ops/container_command.h"
#include "cli/ops/exit_report.h"
#include "core/engine/stop.h"
#include "oci/image/image_store.h"

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
    DropOldReport(report);
    TRY(core::ContainerRecord record, Make(context));
    auto has_layers = CheckHasLayers(context.layout, record);
    if (!has_layers) {
      (void)core::RemoveStoppedContainer(context.layout, record.id, true,
                                         core::WithVolumes::kAnonymous);
      return Fail(std::move(has_layers).error());
    }
    context.out.Print("{}\n", record.id);
    TRY(context.out.Flush());  // a signal that has waited comes before the end of the program
    return 0;
  }

 private:
  // Images are found without a lock: a rmi may have looked for their users just before there was
  // the container.
  static Result<> CheckHasLayers(const core::Layout& layout, const core::ContainerRecord& record) {
    const oci::ImageStore store(layout);
    auto check = [&](const std::string& name, std::span<const std::string> layers) -> Result<> {
      TRY(bool there, store.HasLayers(layers));
      if (there) return {};
      return Fail(
          MakeError(ErrorKind::kNotFound, fmt::format("image '{}' was removed meanwhile", name))
              .WithHint(fmt::format("hoy pull {}", name)));
    };
    TRY(check(record.config.image.reference, record.config.image.chain_ids));
    for (const core::Mount& mount : record.config.mounts) {
      if (mount.image) TRY(check(mount.image->reference, mount.image->chain_ids));
    }
    return {};
  }
};
HOY_REGISTER_COMMAND(CreateCommand);

}  // namespace
}  // namespace hoy::cli
