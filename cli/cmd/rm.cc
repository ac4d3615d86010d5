#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/engine/lifecycle.h"
#include "core/engine/stop.h"

namespace hoy::cli {
namespace {

class RmCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "rm",
                                        .aliases = "container rm, container remove",
                                        .summary = "Remove containers",
                                        .section = Section::kContainers};
  RmCommand() : Command(kInfo) {
    OptionalArguments("CONTAINER", &containers_, Completes::kContainer);
    Flag("-f,--force", &force_, "kill it first when it runs; no error when it is missing");
    Flag("-v,--volumes", &volumes_, "also remove its anonymous volumes");
    Flag("-a,--all", &all_, "all containers");
  }

  Result<int> Run(Context& context) override {
    core::RemoveAbandoned(context.layout);
    if (all_) {
      TRY(containers_, core::ListContainerIds(context.layout));
    } else if (containers_.empty()) {
      return Fail(UsageError("requires at least one container, or --all"));
    }
    return ForEachObject(
        context, containers_,
        [&](const std::string& name) -> Result<> {
          auto id = core::FindContainer(context.layout, name);
          if (!id) {
            if (force_ && id.error().kind == ErrorKind::kNotFound) return {};
            return Fail(std::move(id).error());
          }
          TRY(core::RemoveStoppedContainer(
              context.layout, *id, force_,
              volumes_ ? core::WithVolumes::kAnonymous : core::WithVolumes::kAsItEnds));
          context.out.Print("{}\n", name);
          return {};
        },
        false);
  }

 private:
  std::vector<std::string> containers_;
  bool force_ = false;
  bool volumes_ = false;
  bool all_ = false;
};
HOY_REGISTER_COMMAND(RmCommand);

}  // namespace
}  // namespace hoy::cli
