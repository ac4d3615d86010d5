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
    Flag("-f,--force", &force_, "a missing network is no error, and a damaged one goes, too");
  }

  Result<int> Run(Context& context) override {
    return ForEachObject(context, networks_, [&](const std::string& name) -> Result<> {
      auto removed = Remove(context.layout, name, force_);
      bool is_missing = !removed && removed.error().kind == ErrorKind::kNotFound;
      return force_ && is_missing ? Result<>{} : removed;
    });
  }

 private:
  static Result<> Remove(const core::Layout& layout, const std::string& name, bool force) {
    auto network = FindAnyNetwork(layout, name);
    if (network) return RemoveUnusedNetwork(layout, *network);
    if (network.error().kind != ErrorKind::kCorrupt) return Fail(std::move(network).error());
    if (force) return RemoveDamagedNetwork(layout, name);
    return Fail(std::move(network).error().WithHint("hoy network rm -f " + name));
  }

  std::vector<std::string> networks_;
  bool force_ = false;
};
HOY_REGISTER_COMMAND(NetworkRmCommand);

}  // namespace
}  // namespace hoy::cli
