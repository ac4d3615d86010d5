#include "cli/ops/option_values.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"

namespace hoy::cli {
namespace {

class PortCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "port",
                                        .aliases = "container port",
                                        .summary = "Show the published ports of a container",
                                        .section = Section::kContainers};
  PortCommand() : Command(kInfo) {
    Argument("CONTAINER", &container_, Completes::kContainer);
    OptionalArgument("PORT[/PROTOCOL]", &port_);
  }

  // With the networks there are, none and host, no port is ever published.
  Result<int> Run(Context& context) override {
    std::vector<std::string> wanted;
    if (port_) {
      TRY(wanted, ParsePorts("port", *port_));
    }
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::ContainerSummary summary, core::ReadSummary(context.layout, id));
    if (!port_) return 0;
    return Fail(ErrorKind::kNotFound, "no public port '{}' published for {}", wanted.front(),
                summary.name);
  }

 private:
  std::string container_;
  std::optional<std::string> port_;
};
HOY_REGISTER_COMMAND(PortCommand);

}  // namespace
}  // namespace hoy::cli
