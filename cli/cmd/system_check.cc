#include <algorithm>
#include <iterator>

#include "cli/ops/check_images.h"
#include "cli/ui/format.h"
#include "core/engine/check.h"
#include "core/sys/files.h"
#include "net/attach/check.h"

namespace hoy::cli {
namespace {

constexpr int kSomethingIsLeft = 1;  // exit code

class SystemCheckCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "system check",
                                        .summary = "Find what crashes left behind, and mend it",
                                        .section = Section::kSystem};
  SystemCheckCommand() : ListCommand(kInfo) {
    Flag("--dry-run", &dry_run_, "print what would be mended, and change nothing");
  }

  Result<int> Run(Context& context) override {
    // Who only looks makes nothing.
    if (dry_run_ && !core::Exists(context.layout.data)) return 0;
    TRY(core::PrepareLayout(context.layout));
    auto mode = dry_run_ ? core::CheckMode::kLook : core::CheckMode::kMend;
    // Containers first: what they are healed of goes from their networks as well.
    std::vector<core::Finding> findings = core::CheckContainers(context.layout, mode);
    for (auto* check : {&core::CheckVolumes, &net::CheckNetworks, &CheckImages}) {
      std::ranges::move(check(context.layout, mode), std::back_inserter(findings));
    }
    if (findings.empty()) {
      if (context.terminal.stderr_is_terminal) context.err.Write("Nothing to mend.\n");
      return 0;
    }
    std::vector<Json> rows;
    for (const core::Finding& finding : findings) rows.push_back(Row(finding));
    TRY(PrintRows(context,
                  {.columns = {{"Object", "OBJECT"},
                               {"Problem", "PROBLEM", /*flexible=*/true},
                               {"Outcome", "OUTCOME"}},
                   .more = {{"Mended", "MENDED"}},
                   .quiet_field = "Object"},
                  rows));
    return std::ranges::all_of(findings, &core::Finding::is_mended) ? 0 : kSomethingIsLeft;
  }

 private:
  Json Row(const core::Finding& finding) const {
    std::string outcome = finding.is_mended || finding.error.empty() ? finding.remedy : "";
    if (!finding.error.empty()) outcome = finding.error;
    if (outcome.empty()) outcome = "nothing can be done";
    if (dry_run_ && finding.error.empty()) outcome = "would be: " + outcome;
    return {{"Object", finding.object},
            {"Problem", finding.problem},
            {"Outcome", std::move(outcome)},
            {"Mended", finding.is_mended}};
  }

  bool dry_run_ = false;
};
HOY_REGISTER_COMMAND(SystemCheckCommand);

}  // namespace
}  // namespace hoy::cli
