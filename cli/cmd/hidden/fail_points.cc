#include "cli/ui/command.h"
#include "core/base/fail_point.h"

namespace hoy::cli {
namespace {

// For the test that kills hoy at each of them.
class FailPointsCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "__fail-points",
                                        .summary = "List the places where a test may kill hoy",
                                        .section = Section::kSystem,
                                        .hidden = true};
  FailPointsCommand() : Command(kInfo) {}

  Result<int> Run(Context& context) override {
    for (std::string_view name : kFailPoints) context.out.Print("{}\n", name);
    return 0;
  }
};
HOY_REGISTER_COMMAND(FailPointsCommand);

}  // namespace
}  // namespace hoy::cli
