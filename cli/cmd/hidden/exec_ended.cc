#include "cli/ui/command.h"
#include "core/base/text.h"
#include "core/engine/exec.h"

namespace hoy::cli {
namespace {

// What the guard of a detached session of `hoy exec` becomes when that has ended.
class ExecEndedCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__exec-ended",
                                        .summary = "Tell of the end of a detached session",
                                        .section = Section::kSystem,
                                        .hidden = true};
  ExecEndedCommand() : Command(kInfo) {
    Argument("CONTAINER", &id_);
    Argument("SESSION", &session_);
    Argument("CODE", &code_);
  }

  Result<int> Run(Context& context) override {
    auto code = ParseInteger<int>(code_);
    if (!code) return Fail(UsageError(fmt::format("'{}' is no exit code", code_)));
    // Of one that is gone altogether there is nothing to tell.
    TRY(core::ContainerSummary container, core::ReadSummary(context.layout, id_));
    core::RecordExecDie(context.layout, container, session_, *code);
    return 0;
  }

 private:
  std::string id_;
  std::string session_;
  std::string code_;
};
HOY_REGISTER_COMMAND(ExecEndedCommand);

}  // namespace
}  // namespace hoy::cli
