#include "cli/ops/network_list.h"
#include "cli/ops/remove_network.h"
#include "cli/ui/exit_code.h"
#include "cli/ui/prompt.h"

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
    int exit_code = 0;
    bool is_first = true;
    for (const net::NetworkRecord& network : networks) {
      auto pruned = Prune(context.layout, network, filters);
      if (!pruned) {
        context.Report(pruned.error());
        exit_code = kExitFailed;
        continue;
      }
      if (!*pruned) continue;
      if (is_first) {
        context.out.Write(dry_run_ ? "Networks that would be deleted:\n" : "Deleted Networks:\n");
      }
      is_first = false;
      context.out.Print("{}\n", network.name);
    }
    return exit_code;
  }

 private:
  // False: it stays.
  Result<bool> Prune(const core::Layout& layout, const net::NetworkRecord& network,
                     const NetworkFilters& filters) const {
    TRY(bool matches, filters.Match(layout, network));
    if (!matches || IsPredefined(network)) return false;
    TRY(std::vector<std::string> members, MembersOf(layout, network));
    if (!members.empty()) return false;
    if (dry_run_) return true;
    auto removed = RemoveUnusedNetwork(layout, network);
    // Somebody has come since.
    if (!removed && removed.error().kind == ErrorKind::kConflict) return false;
    if (!removed) return Fail(std::move(removed).error());
    return true;
  }

  std::vector<std::string> filters_;
  bool force_ = false;
  bool dry_run_ = false;
};
HOY_REGISTER_COMMAND(NetworkPruneCommand);

}  // namespace
}  // namespace hoy::cli
