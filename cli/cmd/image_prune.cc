#include <algorithm>

#include "cli/ops/image_filters.h"
#include "cli/ops/image_users.h"
#include "cli/ops/moment.h"
#include "cli/ui/command.h"
#include "cli/ui/filter.h"
#include "cli/ui/prompt.h"
#include "core/base/text.h"

namespace hoy::cli {
namespace {

class ImagePruneCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "image prune",
                                        .summary = "Remove images that nothing uses",
                                        .section = Section::kImages};
  ImagePruneCommand() : Command(kInfo) {
    Flag("-a,--all", &all_, "all images that no container uses, not only those without a name");
    Option("--filter", &filters_, "KEY=VALUE", "only images that match: until, label, label!");
    Flag("-f,--force", &force_, "do not ask");
    Flag("--dry-run", &dry_run_, "print what would be removed, and remove nothing");
  }

  Result<int> Run(Context& context) override {
    TRY(Filters filters, Filters::Parse(filters_, {"until", "label", "label!"}));
    oci::ImageStore store(context.layout);
    TRY(std::vector<oci::Digest> chosen, Choose(store, filters));
    if (!force_ && !dry_run_) {
      context.err.Write(all_ ? "WARNING! This will remove all images without at least one "
                               "container associated to them.\n"
                             : "WARNING! This will remove all dangling images.\n");
      TRY(bool sure, AskYesNo(context, "Are you sure you want to continue?"));
      if (!sure) return 0;
      // Some time has passed.
      TRY(chosen, Choose(store, filters));
    }
    oci::PrunedImages pruned;
    oci::ListImageUsers users = UsersOf(context.layout);
    if (!chosen.empty()) {
      TRY(pruned, store.Prune(chosen, users, {.dry_run = dry_run_, .dangling_only = !all_}));
    }
    if (!dry_run_ && filters_.empty()) {
      core::Timestamp before = all_ ? INT64_MAX : core::Now() - oci::kPartialsStay;
      TRY(oci::Garbage garbage, store.CollectGarbage(users, before));
      pruned.reclaimed += garbage.bytes;
    }
    Print(context, pruned);
    return 0;
  }

 private:
  Result<std::vector<oci::Digest>> Choose(const oci::ImageStore& store,
                                          const Filters& filters) const {
    core::Timestamp before = INT64_MAX;
    for (const std::string& text : filters.Values("until")) {
      TRY(core::Timestamp moment, ParseUntil(text, core::Now()));
      before = std::min(before, moment);
    }
    TRY(std::vector<oci::ListedImage> images, store.List());
    std::vector<oci::Digest> chosen;
    for (const oci::ListedImage& image : images) {
      auto has_label = [&](std::string_view label) { return HasLabel(image, label); };
      if (!all_ && !image.dangling()) continue;
      if (image.record.created >= before) continue;
      if (!filters.Match("label", has_label)) continue;
      if (std::ranges::any_of(filters.Values("label!"), has_label)) continue;
      chosen.push_back(image.record.id);
    }
    return chosen;
  }

  void Print(Context& context, const oci::PrunedImages& pruned) const {
    if (!pruned.images.empty()) {
      context.out.Write(dry_run_ ? "Images that would be deleted:\n" : "Deleted Images:\n");
    }
    for (const oci::RemovedImage& image : pruned.images) {
      for (const std::string& name : image.untagged) context.out.Print("untagged: {}\n", name);
      for (const oci::Digest& digest : image.deleted) {
        context.out.Print("deleted: {}\n", digest.ToString());
      }
    }
    if (!pruned.images.empty()) context.out.Write("\n");
    context.out.Print("Total reclaim{} space: {}\n", dry_run_ ? "able" : "ed",
                      FormatByteSize(static_cast<uint64_t>(pruned.reclaimed), 4));
  }

  bool all_ = false;
  bool force_ = false;
  bool dry_run_ = false;
  std::vector<std::string> filters_;
};
HOY_REGISTER_COMMAND(ImagePruneCommand);

}  // namespace
}  // namespace hoy::cli
