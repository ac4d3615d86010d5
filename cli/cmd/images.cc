#include "cli/ops/image_list.h"
#include "cli/ops/image_tree.h"
#include "cli/ui/format.h"

namespace hoy::cli {
namespace {

class ImagesCommand final : public ListCommand {
 public:
  static constexpr CommandInfo kInfo = {.name = "images",
                                        .aliases = "image ls, image list",
                                        .summary = "List images",
                                        .section = Section::kImages};
  ImagesCommand() : ListCommand(kInfo) {
    OptionalArgument("REPOSITORY[:TAG]", &reference_, Completes::kImage);
    Flag("-a,--all", &all_,
         "also list what multi-platform names hold for other platforms; with --tree, also the "
         "platforms that are not on this machine");
    Flag("--digests", &digests_, "show digests");
    Flag("--tree", &tree_, "show the platforms of each image");
    Option("-f,--filter", &filters_, "KEY=VALUE",
           "list only images that match: dangling, label, before, since, reference, until");
  }

  Result<int> Run(Context& context) override {
    if (tree_ && (quiet_ || digests_ || !format_.empty())) {
      return Fail(UsageError("--tree cannot be combined with --quiet, --digests or --format"));
    }
    ImageListRequest request{.reference = reference_.value_or(""),
                             .no_trunc = no_trunc_ || tree_,
                             .all = all_ && !tree_,
                             .now = core::Now()};
    TRY(request.filters,
        Filters::Parse(filters_, {"dangling", "label", "before", "since", "reference", "until"}));
    oci::ImageStore store(context.layout);
    std::vector<Error> damaged;
    TRY(std::vector<oci::ListedImage> images, store.List(&damaged));
    for (const Error& error : damaged) {
      context.Warn(fmt::format("{} ({})", error.message, error.hint));
    }
    TRY(std::vector<Json> rows, ImageRows(images, request));
    if (tree_) return PrintTree(context, store, images, rows);
    ListModel model;
    model.columns = {{"Repository", "REPOSITORY", /*flexible=*/true}, {"Tag", "TAG"}};
    if (digests_) model.columns.push_back({"Digest", "DIGEST"});
    for (Column column :
         {Column{"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"}, {"Size", "SIZE"}}) {
      model.columns.push_back(column);
    }
    model.more = {{"CreatedAt", "CREATED AT"}, {"Digest", "DIGEST"}};
    return PrintRows(context, model, rows);
  }

 private:
  Result<int> PrintTree(Context& context, const oci::ImageStore& store,
                        const std::vector<oci::ListedImage>& images,
                        const std::vector<Json>& rows) const {
    ListModel model{
        .columns = {{"Image", "IMAGE", /*flexible=*/true}, {"ID", "ID"}, {"Size", "SIZE"}}};
    return PrintRows(context, model, ImageTreeRows(store, images, rows, all_, no_trunc_));
  }

  std::optional<std::string> reference_;
  std::vector<std::string> filters_;
  bool all_ = false;
  bool digests_ = false;
  bool tree_ = false;
};
HOY_REGISTER_COMMAND(ImagesCommand);

}  // namespace
}  // namespace hoy::cli
