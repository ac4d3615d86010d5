#include "cli/ops/registry_options.h"
#include "cli/ops/registry_verbs.h"
#include "cli/ui/format.h"

namespace hoy::cli {
namespace {

class SearchCommand final : public RegistryVerb<ListCommand> {
 public:
  static constexpr CommandInfo kInfo = {.name = "search",
                                        .aliases = "image search",
                                        .summary = "Search a registry for images",
                                        .section = Section::kImages,
                                        .program = Program::kHeavy};
  SearchCommand() : RegistryVerb(kInfo) {
    Argument("TERM", &options_.term);
    Flag("--list-tags", &options_.list_tags, "list the tags of the repository TERM");
    Option("--limit", &options_.limit, "N", "at most so many results (25; 10 tags)");
    Option("-f,--filter", &options_.filters, "KEY=VALUE",
           "only what matches: stars, is-official, is-automated");
    AddRegistryOptions(options_);
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
