#include "cli/ops/network_list.h"
#include "cli/ops/remove_network.h"
#include "cli/ui/objects.h"

namespace hoy::cli {
namespace {

class NetworkRmCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "network rm",
                                        .aliases = "network remove",
                                        .summary = "Remove networks that no running container uses",
                                        .section = Section::kNetworks};
  NetworkRmCommand() : Command(kInfo) {
    Arguments("NETWORK", &networks_, Completes::kNetwork);
    Flag("-f,--force", &force_, "a missing network is no error");
  }

  Result<int> Run(Context& context) override {
    return ForEachObject(context, networks_, [&](const std::string& name) -> Result<> {
      auto network = FindAnyNetwork(context.layout, name);
      if (!network) {
        if (force_ && network.error().kind == ErrorKind::kNotFound) return {};
        return Fail(std::move(network).error());
      }
      return RemoveUnusedNetwork(context.layout, *network);
    });
  }

 private:
  std::vector<std::string> networks_;
  bool force_ = false;
};
HOY_REGISTER_COMMAND(NetworkRmCommand);

}  // namespace
}  // namespace hoy::cli
