#include "cli/ops/for_each.h"
#include "cli/ops/network_list.h"

namespace hoy::cli {
namespace {

class NetworkInspectCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "network inspect",
                                        .summary = "Show all that is known about networks",
                                        .section = Section::kNetworks};
  NetworkInspectCommand() : Command(kInfo) {
    Arguments("NETWORK", &networks_, Completes::kNetwork);
    Option("-f,--format", &format_, "TEMPLATE", "json, or a Go template");
  }

  Result<int> Run(Context& context) override {
    TRY(core::PrepareLayout(context.layout));
    return InspectEach(context, networks_, format_,
                       [&](const std::string& name) { return Inspect(context.layout, name); });
  }

 private:
  static Result<Json> Inspect(const core::Layout& layout, const std::string& name) {
    TRY(net::NetworkRecord network, FindAnyNetwork(layout, name));
    return InspectNetwork(layout, network);
  }

  std::vector<std::string> networks_;
  std::string format_;
};
HOY_REGISTER_COMMAND(NetworkInspectCommand);

}  // namespace
}  // namespace hoy::cli
