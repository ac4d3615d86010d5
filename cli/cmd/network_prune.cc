#include "cli/ops/for_each.h"
#include "cli/ops/network_list.h"
#include "cli/ops/remove_network.h"
#include "cli/ui/prompt.h"
#include "net/attach/network_events.h"

namespace hoy::cli {
namespace {

class NetworkPruneCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {
      .name = "network prune",
      .summary = "Remove all networks that no running container uses",
      .section = Section::kNetworks};
  NetworkPruneCommand() : Command(kInfo) {
    Option("--filter", &filters_, "KEY=VALUE", "only networks that match: until, label, label!");
    Flag("-f,--force", &force_, "do not ask");
    Flag("--dry-run", &dry_run_, "print what would be removed, and remove nothing");
  }

  Result<int> Run(Context& context) override {
    TRY(NetworkFilters filters, NetworkFilters::Parse(filters_, {"until", "label", "label!"}));
    if (!force_ && !dry_run_) {
      context.err.Write("WARNING! This will remove all networks that no running container uses.\n");
      TRY(bool sure, AskYesNo(context, "Are you sure you want to continue?"));
      if (!sure) return 0;
    }
    TRY(std::vector<net::NetworkRecord> networks, net::ListNetworks(context.layout));
    std::vector<std::string> names;
    for (const net::NetworkRecord& network : networks) names.push_back(network.name);
    int code =
        PruneEach(context, names, {.what = "Networks", .dry_run = dry_run_},
                  [&](const std::string& name) { return Prune(context.layout, name, filters); });
    if (!dry_run_) net::RecordNetworkPrune(context.layout);
    return code;
  }

 private:
  // A network takes nothing; nullopt: it stays.
  Result<std::optional<int64_t>> Prune(const core::Layout& layout, const std::string& name,
                                       const NetworkFilters& filters) const {
    auto found = FindAnyNetwork(layout, name);
    if (!found && found.error().kind == ErrorKind::kNotFound) return std::nullopt;
    TRY(net::NetworkRecord network, std::move(found));
    TRY(bool matches, filters.Match(layout, network));
    if (!matches || IsPredefined(network)) return std::nullopt;
    TRY(std::vector<std::string> members, MembersOf(layout, network));
    if (!members.empty()) return std::nullopt;
    if (dry_run_) return 0;
    auto removed = RemoveUnusedNetwork(layout, network);
    if (removed) return 0;
    // Somebody has come since, or has removed it.
    ErrorKind kind = removed.error().kind;
    if (kind == ErrorKind::kConflict || kind == ErrorKind::kNotFound) return std::nullopt;
    return Fail(std::move(removed).error());
  }

  std::vector<std::string> filters_;
  bool force_ = false;
  bool dry_run_ = false;
};
HOY_REGISTER_COMMAND(NetworkPruneCommand);

}  // namespace
}  // namespace hoy::cli
