#include "cli/ops/registry_verbs.h"
#include "cli/ui/format.h"

namespace hoy::cli {
namespace {

class SearchCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "search",
                                        .aliases = "image search",
                                        .summary = "Search a registry for images",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  SearchCommand() : ListCommand(kInfo) {
    Argument("TERM", &options_.term);
    Flag("--list-tags", &options_.list_tags, "list the tags of the repository TERM");
    Option("--limit", &options_.limit, "N", "at most so many results (25; 10 tags)");
    Option("-f,--filter", &options_.filters, "KEY=VALUE",
           "only what matches: stars, is-official, is-automated");
    Option("--creds", &options_.creds, "USER[:PASSWORD]", "credentials for the registry");
    Option("--authfile", &options_.authfile, "FILE", "where credentials are looked up")
        .Completing(Completes::kFile);
    Option("--cert-dir", &options_.cert_dir, "DIR",
           "certificates for the registry: *.crt, *.cert and *.key")
        .Completing(Completes::kDirectory);
    Flag("--tls-verify", &options_.tls_verify,
         "ask for HTTPS and a valid certificate; false takes HTTP and any certificate");
  }

  Result<int> Run(Context& context) override {
    options_.no_trunc = no_trunc_;
    TRY(std::vector<Json> rows, RunSearch(context, options_));
    ListModel model{.columns = {{"Name", "NAME"}}, .more = {}, .quiet_field = "Name"};
    if (options_.list_tags) {
      model.columns.push_back({"Tag", "TAG"});
      model.quiet_field = "Tag";
    } else {
      model.columns.push_back({"Description", "DESCRIPTION", /*flexible=*/true});
      model.columns.push_back({"StarCount", "STARS"});
      model.columns.push_back({"IsOfficial", "OFFICIAL"});
      model.more = {{"Index", "INDEX"}, {"IsAutomated", "AUTOMATED"}};
    }
    return PrintRows(context, model, rows);
  }

 private:
  SearchOptions options_;
};
HOY_REGISTER_COMMAND(SearchCommand);

}  // namespace
}  // namespace hoy::cli
