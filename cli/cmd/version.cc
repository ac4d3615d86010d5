#include <sys/utsname.h>

#include "cli/ui/command.h"

namespace hoy::cli {
namespace {

class VersionCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "version",
                                        .summary = "Show the version of hoy and of the kernel",
                                        .section = Section::kSystem};
  VersionCommand() : Command(kInfo) {}

  Result<int> Run(Context& context) override {
    utsname kernel{};
    uname(&kernel);
    context.out.Print("hoy version {}\nKernel:    {} {}\n", HOY_VERSION, kernel.release,
                      kernel.machine);
    return 0;
  }
};
HOY_REGISTER_COMMAND(VersionCommand);

}  // namespace
}  // namespace hoy::cli
