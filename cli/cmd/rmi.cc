#include "cli/ops/image_users.h"
#include "cli/ui/command.h"
#include "cli/ui/objects.h"
#include "core/state/event_log.h"

namespace hoy::cli {
namespace {

class RmiCommand final : public Command {
 public:
  static constexpr CommandInfo kInfo = {.name = "rmi",
                                        .aliases = "image rm, image remove",
                                        .summary = "Remove images",
                                        .section = Section::kImages};
  RmiCommand() : Command(kInfo) {
    OptionalArguments("IMAGE", &images_, Completes::kImage);
    Flag("-a,--all", &all_, "all images that no container uses");
    Flag("-f,--force", &force_,
         "remove all names of an image, also when stopped containers use it; a missing image is no "
         "error");
    Flag("-i,--ignore", &ignore_, "a missing image is no error");
  }

  Result<int> Run(Context& context) override {
    if (all_ != images_.empty()) {
      return Fail(
          UsageError(all_ ? "--all leaves no image to name" : "name an image, or use --all"));
    }
    oci::ImageStore store(context.layout);
    if (all_) {
      TRY(images_, Everything(store));
    }
    return ForEachObject(
        context, images_, [&](const std::string& image) { return Remove(context, store, image); },
        /*print_names=*/false);
  }

 private:
  // By their names, so that an image with several goes; what belongs to a list goes with that.
  static Result<std::vector<std::string>> Everything(const oci::ImageStore& store) {
    TRY(std::vector<oci::ListedImage> images, store.List());
    std::vector<std::string> all;
    for (const oci::ListedImage& image : images) {
      all.insert(all.end(), image.names.begin(), image.names.end());
      if (image.dangling()) all.push_back(image.record.id.ToString());
    }
    return all;
  }

  Result<> Remove(Context& context, const oci::ImageStore& store, const std::string& image) const {
    // Asked first: where nothing was ever pulled, it is the image that is missing, not a directory.
    auto resolved = store.Resolve(image);
    std::string id = resolved ? resolved->record.id.ToString() : "";
    if (!resolved) {
      TRY(auto list, store.FindList(image));
      if (!list && (force_ || ignore_) && resolved.error().kind == ErrorKind::kNotFound) return {};
      if (!list) return Fail(std::move(resolved).error());
    }
    auto removed = store.Remove(image, force_, UsersOf(context.layout));
    if (!removed) {
      if ((force_ || ignore_) && removed.error().kind == ErrorKind::kNotFound) return {};
      return Fail(std::move(removed).error());
    }
    for (const std::string& name : removed->untagged) {
      core::RecordImageEvent(context.layout, "untag", id.empty() ? name : id, name);
      context.out.Print("Untagged: {}\n", name);
    }
    for (const oci::Digest& digest : removed->deleted) {
      core::RecordImageEvent(context.layout, "delete", digest.ToString(), digest.ToString());
      context.out.Print("Deleted: {}\n", digest.ToString());
    }
    return {};
  }

  std::vector<std::string> images_;
  bool all_ = false;
  bool force_ = false;
  bool ignore_ = false;
};
HOY_REGISTER_COMMAND(RmiCommand);

}  // namespace
}  // namespace hoy::cli
