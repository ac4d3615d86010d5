#include "cli/ops/network_list.h"
#include "core/state/container_id.h"

namespace hoy::cli {
namespace {

class NetworkLsCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "network ls",
                                        .aliases = "network list",
                                        .summary = "List networks",
                                        .section = Section::kNetworks};
  NetworkLsCommand() : ListCommand(kInfo) {
    Option("-f,--filter", &filters_, "KEY=VALUE",
           "list only networks that match: name, id, driver, label, type, scope, dangling");
  }

  Result<int> Run(Context& context) override {
    TRY(NetworkFilters filters, NetworkFilters::Parse(filters_, {"name", "id", "driver", "label",
                                                                 "type", "scope", "dangling"}));
    TRY(core::PrepareLayout(context.layout));
    TRY(std::vector<net::NetworkRecord> networks, AllNetworks(context.layout));
    std::vector<Json> rows;
    for (const net::NetworkRecord& network : networks) {
      TRY(bool matches, filters.Match(context.layout, network));
      if (!matches) continue;
      Json labels = Json::object();
      for (const auto& [key, value] : network.labels) labels[key] = value;
      rows.push_back({{"ID", no_trunc_ ? network.id : std::string(core::ShortId(network.id))},
                      {"Name", network.name},
                      {"Driver", network.driver},
                      {"Scope", "local"},
                      {"IPv6", network.ipv6},
                      {"Internal", network.internal},
                      {"Labels", std::move(labels)},
                      {"CreatedAt", core::FormatRfc3339(network.created)}});
    }
    return PrintRows(context,
                     {.columns = {{"ID", "NETWORK ID"},
                                  {"Name", "NAME", /*flexible=*/true},
                                  {"Driver", "DRIVER"},
                                  {"Scope", "SCOPE"}},
                      .more = {{"IPv6", "IPV6"},
                               {"Internal", "INTERNAL"},
                               {"Labels", "LABELS"},
                               {"CreatedAt", "CREATED AT"}}},
                     rows);
  }

 private:
  std::vector<std::string> filters_;
};
HOY_REGISTER_COMMAND(NetworkLsCommand);

}  // namespace
}  // namespace hoy::cli
