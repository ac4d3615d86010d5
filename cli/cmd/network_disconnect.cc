#include "cli/ops/network_list.h"
#include "cli/ops/network_warnings.h"
#include "cli/ui/command.h"
#include "core/state/container_record.h"
#include "core/sys/files.h"
#include "net/attach/membership.h"
#include "net/attach/network_status.h"

namespace hoy::cli {
namespace {

class NetworkDisconnectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "network disconnect",
                                        .summary = "Take a container off a network",
                                        .section = Section::kNetworks};
  NetworkDisconnectCommand() : Command(kInfo) {
    Argument("NETWORK", &network_, Completes::kNetwork);
    Argument("CONTAINER", &container_, Completes::kContainer);
    Flag("-f,--force", &force_, "a container that is not on it is no error");
  }

  Result<int> Run(Context& context) override {
    TRY(std::string id, core::FindContainer(context.layout, container_));
    // A network that is gone has a name still, in the container's record.
    auto network = FindAnyNetwork(context.layout, network_);
    std::string name = network ? network->name : network_;
    auto done = net::DisconnectContainer(context.layout, id, name);
    bool was_not = !done && done.error().kind == ErrorKind::kNotFound;
    if (!done && !(was_not && force_)) return Fail(std::move(done).error());
    auto record = core::ReadContainer(context.layout, id);
    if (record && core::Exists(net::NetworkStatusPath(context.layout, id)))
      WarnOfPorts(context, *record);
    return 0;
  }

 private:
  std::string network_;
  std::string container_;
  bool force_ = false;
};
HOY_REGISTER_COMMAND(NetworkDisconnectCommand);

}  // namespace
}  // namespace hoy::cli
