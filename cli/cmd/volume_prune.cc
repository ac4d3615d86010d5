#include <algorithm>

#include "cli/ops/container_size.h"
#include "cli/ops/for_each.h"
#include "cli/ops/volume_list.h"
#include "cli/ui/command.h"
#include "cli/ui/prompt.h"
#include "core/base/text.h"
#include "core/state/container_id.h"
#include "core/state/s3_volume.h"
#include "core/sys/files.h"

namespace hoy::cli {
namespace {

class VolumePruneCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "volume prune",
                                        .summary = "Remove volumes that no container uses",
                                        .section = Section::kVolumes};
  VolumePruneCommand() : Command(kInfo) {
    Flag("-a,--all", &all_, "also those that were given a name");
    Option("--filter", &filters_text_, "KEY=VALUE", "only volumes that match: label, label!");
    Flag("-f,--force", &force_, "do not ask");
    Flag("--dry-run", &dry_run_, "print what would be removed, and remove nothing");
  }

  Result<int> Run(Context& context) override {
    TRY(filters_, Filters::Parse(filters_text_, {"label", "label!"}));
    if (!force_ && !dry_run_) {
      context.err.Write(all_ ? "WARNING! This will remove all volumes not used by at least one "
                               "container.\n"
                             : "WARNING! This will remove anonymous volumes not used by at least "
                               "one container.\n");
      TRY(bool sure, AskYesNo(context, "Are you sure you want to continue?"));
      if (!sure) return 0;
    }
    core::RemoveAbandonedVolumes(context.layout);
    TRY(std::vector<std::string> names, core::ListVolumes(context.layout));
    TRY(core::VolumeUsers users, core::FindVolumeUsers(context.layout));
    if (!users.unreadable.empty()) {
      return Fail(ErrorKind::kCorrupt,
                  "the record of container {} cannot be read: any volume may be its own",
                  core::ShortId(users.unreadable.front()));
    }
    std::erase_if(names, [&](const std::string& name) { return users.by_volume.contains(name); });
    return PruneEach(context, names, {"Volumes", dry_run_, true},
                     [&](const std::string& name) { return Prune(context, name); });
  }

 private:
  // What was in it; nullopt: it stays.
  Result<std::optional<int64_t>> Prune(Context& context, const std::string& name) const {
    auto record = core::ReadVolume(context.layout, name);
    if (!record && record.error().kind == ErrorKind::kNotFound) return std::nullopt;
    if (!record) return Fail(std::move(record).error());
    auto has_label = [&](std::string_view wanted) { return HasLabel(*record, wanted); };
    if (!all_ && !record->IsAnonymous()) return std::nullopt;
    if (!filters_.Match("label", has_label)) return std::nullopt;
    if (std::ranges::any_of(filters_.Values("label!"), has_label)) return std::nullopt;
    int64_t bytes = WrittenBytes(core::VolumeData(context.layout, name)).value_or(0);
    if (core::Exists(core::S3PendingPath(context.layout, name))) return std::nullopt;
    if (dry_run_) return bytes;
    auto removed = core::RemoveVolume(context.layout, name);
    // Somebody has removed it since, or uses it.
    if (!removed && (removed.error().kind == ErrorKind::kNotFound ||
                     removed.error().kind == ErrorKind::kConflict)) {
      return std::nullopt;
    }
    if (!removed) return Fail(std::move(removed).error());
    return bytes;
  }

  std::vector<std::string> filters_text_;
  bool all_ = false;
  bool force_ = false;
  bool dry_run_ = false;
  Filters filters_;
};
HOY_REGISTER_COMMAND(VolumePruneCommand);

}  // namespace
}  // namespace hoy::cli
