#include "cli/ops/network_list.h"
#include "cli/ops/network_options.h"
#include "cli/ops/network_warnings.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/host_network.h"
#include "net/attach/membership.h"
#include "net/attach/network_status.h"

namespace hoy::cli {
namespace {

class NetworkConnectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "network connect",
                                        .summary = "Put a container on one more network",
                                        .section = Section::kNetworks};
  NetworkConnectCommand() : Command(kInfo) {
    Argument("NETWORK", &network_, Completes::kNetwork);
    Argument("CONTAINER", &container_, Completes::kContainer);
    Option("--ip", &wanted_.address, "ADDRESS", "its IPv4 address there");
    Option("--ip6", &wanted_.address6, "ADDRESS", "its IPv6 address there");
    Option("--mac-address", &wanted_.mac, "ADDRESS", "its MAC address there");
    Option("--alias", &wanted_.aliases, "NAME", "a name that others there know it by");
  }

  Result<int> Run(Context& context) override {
    TRY(CheckAttachment(wanted_));
    TRY(net::NetworkRecord network, FindAnyNetwork(context.layout, network_));
    if (network.pools.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "network '{}': nothing can be connected to it",
                  network.name);
    }
    if (network.name == net::kDefaultNetwork && !wanted_.aliases.empty()) {
      return Fail(ErrorKind::kInvalidArgument, "--alias: the default network knows no names");
    }
    wanted_.network = network.name;
    TRY(std::string id, core::FindContainer(context.layout, container_));
    TRY(net::ConnectContainer(context.layout, id, wanted_));
    auto record = core::ReadContainer(context.layout, id);
    if (record && core::Exists(net::NetworkStatusPath(context.layout, id)))
      WarnOfNetworks(context, *record);
    return 0;
  }

 private:
  std::string network_;
  std::string container_;
  core::NetworkAttachment wanted_;
};
HOY_REGISTER_COMMAND(NetworkConnectCommand);

}  // namespace
}  // namespace hoy::cli
