#include <algorithm>

#include "cli/ops/option_values.h"
#include "cli/ops/port_options.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"
#include "net/attach/network_status.h"

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

  Result<int> Run(Context& context) override {
    std::vector<std::string> wanted;
    if (port_) {
      TRY(wanted, ParsePorts("port", *port_));
    }
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(core::ContainerSummary summary, core::ReadSummary(context.layout, id));
    TRY(auto status, net::ReadNetworkStatus(context.layout, id));
    std::vector<OpenPort> ports;
    if (status) ports = OpenPortsOf(*status);
    std::ranges::stable_sort(ports, {}, &OpenPort::container_port);
    std::erase_if(ports, [&](const OpenPort& port) {
      std::string name = PortName(port.container_port, port.protocol);
      bool is_wanted = !port_ || std::ranges::find(wanted, name) != wanted.end();
      return port.host_port == 0 || !is_wanted;
    });
    if (port_ && ports.empty()) {
      return Fail(ErrorKind::kNotFound, "no public port '{}' published for {}", wanted.front(),
                  summary.name);
    }
    for (const OpenPort& port : ports) {
      std::string host = HostText(port.host_ip, std::to_string(port.host_port));
      if (port_)
        context.out.Print("{}\n", host);
      else
        context.out.Print("{} -> {}\n", PortName(port.container_port, port.protocol), host);
    }
    return 0;
  }

 private:
  std::string container_;
  std::optional<std::string> port_;
};
HOY_REGISTER_COMMAND(PortCommand);

}  // namespace
}  // namespace hoy::cli
