#include "cli/ops/option_values.h"
#include "cli/ui/command.h"
#include "net/attach/host_network.h"

namespace hoy::cli {
namespace {

class NetworkCreateCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "network create", .summary = "Make a network", .section = Section::kNetworks};
  NetworkCreateCommand() : Command(kInfo) {
    Argument("NAME", &request_.name);
    Choice("-d,--driver", &request_.driver, {"bridge", "macvlan", "ipvlan"}, "DRIVER",
           "how it is wired");
    Option("--subnet", &request_.subnets, "SUBNET",
           "its addresses, such as 10.1.0.0/24; one of IPv4 and one of IPv6");
    Option("--gateway", &request_.gateways, "ADDRESS", "the host's address on it");
    Option("--ip-range", &request_.ip_ranges, "RANGE",
           "the part of the subnet that containers get their addresses from");
    Flag("--ipv6", &request_.ipv6, "with IPv6; a subnet is made when none is given");
    Flag("--internal", &request_.internal,
         "containers reach each other, and nothing else (bridge)");
    Option("--label", &labels_, "KEY[=VALUE]", "set a label");
    Option("-o,--opt", &options_, "NAME=VALUE",
           "an option of the driver: mtu, vlan, isolate, parent, mode, ipvlan_flag");
    Flag("--ignore", &ignore_, "a network of that name is no error");
  }

  Result<int> Run(Context& context) override {
    for (const std::string& text : labels_) {
      TRY(auto label, ParseKeyValue("--label", text));
      request_.labels.push_back(std::move(label));
    }
    for (const std::string& text : options_) {
      TRY(auto option, ParseKeyValue("--opt", text));
      request_.options.push_back(std::move(option));
    }
    TRY(core::PrepareLayout(context.layout));
    TRY(net::RouteSocket host, net::RouteSocket::Open());
    TRY(request_.name == net::kDefaultNetwork ? CheckDefault() : NeedDefault(context.layout, host));
    auto made = net::MakeNetwork(context.layout, request_, host);
    bool there = !made && made.error().kind == ErrorKind::kAlreadyExists;
    if (there && ignore_) made = net::ReadNetwork(context.layout, request_.name);
    if (!made) return Fail(std::move(made).error());
    context.out.Print("{}\n", there ? made->name : made->id);
    return 0;
  }

 private:
  // So that its name is taken, and its subnet left alone. Where no subnet is free for it, it has
  // none that could be taken away.
  static Result<> NeedDefault(const core::Layout& layout, net::RouteSocket& host) {
    auto there = net::NeedNetwork(layout, net::kDefaultNetwork, host);
    if (there || there.error().kind == ErrorKind::kConflict) return {};
    return Fail(std::move(there).error());
  }

  // Nobody could remove it again.
  Result<> CheckDefault() const {
    if (request_.driver == "bridge" && !request_.internal) return {};
    return Fail(ErrorKind::kInvalidArgument,
                "network '{}': the default network is one of driver bridge that leads out",
                request_.name);
  }

  net::NetworkRequest request_;
  std::vector<std::string> labels_;
  std::vector<std::string> options_;
  bool ignore_ = false;
};
HOY_REGISTER_COMMAND(NetworkCreateCommand);

}  // namespace
}  // namespace hoy::cli
