#include "cli/ops/archives.h"
#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class CpCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "cp",
      .aliases = "container cp",
      .summary = "Copy files between a container and the host, or another container",
      .section = Section::kContainers,
      .program = Program::kHeavy};
  CpCommand() : Command(kInfo) {
    Argument("CONTAINER:SOURCE|SOURCE|-", &options_.source, Completes::kContainerPath);
    Argument("CONTAINER:TARGET|TARGET|-", &options_.destination, Completes::kContainerPath);
    Flag("-a,--archive", &options_.archive,
         "keep owners, set-id bits, ACLs and file capabilities, and make devices");
    Flag("-L,--follow-link", &options_.follow_link, "copy what a symlink SOURCE leads to");
    Flag("-q,--quiet", &options_.quiet, "do not say what was copied, as without a terminal");
  }

  Result<int> Run(Context& context) override {
    if (options_.source == "-" && options_.destination == "-") {
      return Fail(UsageError("one of SOURCE and TARGET must be in a container"));
    }
    TRY(RunCopyFiles(context, options_));
    return 0;
  }

 private:
  CopyFilesOptions options_;
};
HOY_REGISTER_COMMAND(CpCommand);

}  // namespace
}  // namespace hoy::cli
