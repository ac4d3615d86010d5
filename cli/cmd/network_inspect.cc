#include "cli/ops/network_list.h"
#include "cli/ui/exit_code.h"

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
    std::vector<Json> objects;
    int exit_code = 0;
    for (const std::string& name : networks_) {
      auto object = Inspect(context.layout, name);
      if (object) {
        objects.push_back(*std::move(object));
        continue;
      }
      context.Report(object.error());
      exit_code = std::max(exit_code, ExitCodeOf(object.error(), false));
    }
    TRY(std::string text, FormatInspect(format_, objects));
    context.out.Write(text);
    return exit_code;
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
