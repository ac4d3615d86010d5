#include <algorithm>

#include "cli/ops/container_size.h"
#include "cli/ops/for_each.h"
#include "cli/ops/moment.h"
#include "cli/ui/command.h"
#include "cli/ui/filter.h"
#include "cli/ui/prompt.h"
#include "core/base/text.h"
#include "core/engine/lifecycle.h"
#include "core/engine/stop.h"

namespace hoy::cli {
namespace {

class ContainerPruneCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "container prune",
                                        .summary = "Remove all containers that do not run",
                                        .section = Section::kContainers};
  ContainerPruneCommand() : Command(kInfo) {
    Option("--filter", &filters_text_, "KEY=VALUE",
           "only containers that match: until, label, label!");
    Flag("-f,--force", &force_, "do not ask");
    Flag("--dry-run", &dry_run_, "print what would be removed, and remove nothing");
  }

  Result<int> Run(Context& context) override {
    TRY(filters_, Filters::Parse(filters_text_, {"until", "label", "label!"}));
    for (const std::string& text : filters_.Values("until")) {
      TRY(core::Timestamp moment, ParseUntil(text, core::Now()));
      before_ = std::min(before_, moment);
    }
    if (!force_ && !dry_run_) {
      context.err.Write("WARNING! This will remove all stopped containers.\n");
      TRY(bool sure, AskYesNo(context, "Are you sure you want to continue?"));
      if (!sure) return 0;
    }
    core::RemoveAbandoned(context.layout);
    TRY(std::vector<std::string> ids, core::ListContainerIds(context.layout));
    return PruneEach(context, ids, {"Containers", dry_run_, true},
                     [&](const std::string& id) { return Prune(context, id); });
  }

 private:
  // What its directory holds, the log and its records, too; nullopt: it stays.
  Result<std::optional<int64_t>> Prune(Context& context, const std::string& id) const {
    auto status = core::HealUnlessBusy(context.layout, id);
    if (!status) {
      if (status.error().kind == ErrorKind::kNotFound) return std::nullopt;
      return Fail(std::move(status).error());
    }
    if (!status->IsDown()) return std::nullopt;
    TRY(core::ContainerSummary summary, core::ReadSummary(context.layout, id));
    auto has_label = [&](std::string_view wanted) {
      auto [key, value] = CutAt(wanted, '=');
      return std::ranges::any_of(summary.labels, [key, value](const auto& label) {
        return label.first == key && (!value || label.second == *value);
      });
    };
    if (summary.created >= before_ || !filters_.Match("label", has_label)) return std::nullopt;
    if (std::ranges::any_of(filters_.Values("label!"), has_label)) return std::nullopt;
    int64_t bytes = WrittenBytes(context.layout.Container(id)).value_or(0);
    if (dry_run_) return bytes;
    auto removed = core::RemoveStoppedContainer(context.layout, id, false);
    // Somebody has started it since.
    if (!removed && removed.error().kind == ErrorKind::kConflict) return std::nullopt;
    if (!removed) return Fail(std::move(removed).error());
    return bytes;
  }

  std::vector<std::string> filters_text_;
  bool force_ = false;
  bool dry_run_ = false;
  Filters filters_;
  core::Timestamp before_ = INT64_MAX;
};
HOY_REGISTER_COMMAND(ContainerPruneCommand);

}  // namespace
}  // namespace hoy::cli
