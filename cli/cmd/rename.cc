#include "core/engine/rename.h"

#include "cli/ops/network_warnings.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"
#include "net/attach/membership.h"

namespace hoy::cli {
namespace {

class RenameCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "rename",
                                        .aliases = "container rename",
                                        .summary = "Give a container another name",
                                        .section = Section::kContainers};
  RenameCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kContainer);
    Argument("NAME", &name_);
  }

  Result<int> Run(Context& context) override {
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::RenameTo(context.layout, id, name_));
    TRY(net::RenameMember(context.layout, id));
    WarnOfHosts(context);
    return 0;
  }

 private:
  std::string container_;
  std::string name_;
};
HOY_REGISTER_COMMAND(RenameCommand);

}  // namespace
}  // namespace hoy::cli
